Feature: The virtual node
  The node is registered, alive and truthful, and shares its object with others.

  Scenario: The node registers itself
    Given a virtual node
    Then the node is Ready
    And the node has the label type=virtual-kubelet
    And the node has the label kubernetes.io/os=linux
    And the node has the taint virtual-kubelet.io/provider
    And the node offers cpu, memory and pods
    And the node tells where its kubelet API is
    And the node has the label kubernetes.io/role=agent
    And the node has the label node.kubernetes.io/exclude-from-external-load-balancers=true

  Scenario: The lease is renewed
    Given a virtual node
    When 60 s pass
    Then its lease was renewed in the last 15 s
    And its lease belongs to the node

  Scenario: What others put on the node stays
    Given a virtual node
    When others set the label team=blue on the node
    And others set the condition example.com/Checked on the node
    And 5 min pass
    Then the node has the label team=blue
    And the node has the condition example.com/Checked

  @inside
  Scenario: A node that is there already is adopted
    Given a node object with the label team=blue
    And a virtual node
    Then the node is Ready
    And the node has the label team=blue
    And the node has the taint virtual-kubelet.io/provider

  Scenario: A taint that somebody removed comes back
    Given a virtual node
    When somebody removes the taints of the node
    And 2 min pass
    Then the node has the taint virtual-kubelet.io/provider

  Scenario: A deleted node comes back
    Given a virtual node
    When the node is deleted
    Then the node is Ready within 90 s
    And its lease belongs to the node

  @ping @inside
  Scenario: A provider that does not answer makes the node NotReady
    Given a virtual node
    When the cloud is down
    Then the node is NotReady within 30 s
    When the cloud is back
    Then the node is Ready within 30 s
