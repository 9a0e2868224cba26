Feature: The orderly end of a runner
  What happens to the node and its pods when the runner is told to end is the operator's choice; the default is that of
  an upgrade: everything goes on at the provider, and the next runner finds it.

  @inside
  Scenario: A runner that leaves its node and pods as they are
    Given a virtual node whose runner is told to leave it at its end
    When the pod is created
    Then the pod becomes Running
    When the runner ends
    Then the node is not cordoned
    And the provider has exactly 1 pod
    When the runner starts again
    Then the pod is Running

  @inside
  Scenario: A runner that cordons its node, which the next one lifts
    Given a virtual node whose runner is told to cordon it at its end
    When the pod is created
    Then the pod becomes Running
    When the runner ends
    Then the node is cordoned
    And the provider has exactly 1 pod
    When the runner starts again
    Then the node is Ready
    And the node is not cordoned

  @inside
  Scenario: A cordon of somebody else's stays
    Given a virtual node whose runner is told to cordon it at its end
    When somebody cordons the node
    And the runner ends
    And the runner starts again
    Then the node is Ready
    And the node is cordoned

  @inside
  Scenario: A runner that drains its node
    Given a virtual node whose runner is told to drain it at its end
    When the pod is created
    Then the pod becomes Running
    When the runner ends
    Then the pod is gone within 5 s
    And the provider has exactly 0 pods
    And the node is cordoned

  @inside
  Scenario: A runner that deletes its node
    Given a virtual node whose runner is told to delete it at its end
    When the pod is created
    Then the pod becomes Running
    When the runner ends
    Then there is no node
    And the pod is gone within 5 s
    And the provider has exactly 0 pods
