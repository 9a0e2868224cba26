Feature: What users ask of a running pod
  kubectl exec and kubectl logs show what a container does at the provider, for as long as it is there.

  Background:
    Given a virtual node

  @exec @inside
  Scenario: A command has output and an exit code
    When a pod is created
    Then the pod becomes Running
    When the command "sh -c 'echo hello; exit 3'" is run in the pod
    Then it writes "hello"
    And it ends with exit code 3

  @exec @inside
  Scenario: A command sees the environment of its container
    Given a ConfigMap settings with colour=blue
    And a pod with the variable COLOUR from key colour of ConfigMap settings
    When the pod is created
    Then the pod becomes Running
    When the command "printenv COLOUR" is run in the pod
    Then it writes "blue"

  @exec @inside
  Scenario: A command ends with its container
    When a pod is created
    Then the pod becomes Running
    When the command "sleep 100000" is begun in the pod
    And the pod is deleted
    Then it ends with exit code 137

  @exec @inside
  Scenario: No command runs in a pod that has ended
    Given a pod that runs for 5 s and exits with 0
    And its restart policy is Never
    When the pod is created
    Then the pod becomes Succeeded
    When the command "true" is run in the pod
    Then it is refused

  @exec @inside
  Scenario: No command runs in a pod that is gone
    When a pod is created
    Then the pod becomes Running
    When the pod is deleted
    Then the pod is gone within 60 s
    When the command "true" is run in the pod
    Then it is refused

  @logs @inside
  Scenario: The log of a container that has ended can still be read
    Given a pod that runs for 5 s and exits with 1
    And its restart policy is Never
    When the pod is created
    Then the pod becomes Failed
    And its container has a log

  @logs @previous @inside
  Scenario: After a restart there is the log of the run before
    Given a pod that runs for 30 s and exits with 1
    And its restart policy is Always
    When the pod is created
    Then its container is restarted at least 1 times
    And its container has a log of the run before
