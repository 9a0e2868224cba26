Feature: Errors of the provider
  What may work later is tried again, for ever; what cannot work fails the pod, so that its controller can react.

  Background:
    Given a virtual node

  Scenario: A retryable error delays a pod
    Given a pod whose creation fails with a retryable error 3 times
    When the pod is created
    Then the pod becomes Pending with the reason ProviderFailed
    And there is an event ProviderCreateFailed
    And the pod becomes Running
    And the pod has no reason
    And the pod was started exactly once

  Scenario: A permanent error fails the pod
    Given a pod whose creation fails with a permanent error 1 time
    When the pod is created
    Then the pod becomes Failed with the reason ProviderFailed
    And 10 min pass
    And the provider does not have the pod

  Scenario: A pod that the provider refuses fails
    Given a pod whose creation fails with an invalid error 1 time
    When the pod is created
    Then the pod becomes Failed with the reason ProviderFailed

  @inside
  Scenario: A create whose answer is lost is not done twice
    Given the answers to the next 2 creates are lost
    When a pod is created
    Then the pod becomes Running
    And the pod was started exactly once
    And the provider has exactly 1 pod

  @inside
  Scenario: A pod whose create was never answered is ended with its deletion
    Given the answers to the next 100 creates are lost
    When a pod is created
    And the pod is deleted by force
    Then the provider does not have the pod within 0.5 s

  @inside
  Scenario: A pod that vanishes at the provider has failed
    When a pod is created
    And the pod has become Running
    And the pod vanishes at the provider
    Then the pod becomes Failed with the reason NotFound
    And its container terminated with exit code 137

  @inside
  Scenario: A pod evicted by the cloud is deleted
    When a pod is created
    And the pod has become Running
    And the cloud evicts the pod
    Then the pod is gone within 60 s
    And the provider does not have the pod

  @inside
  Scenario: An outage of the cloud is survived
    Given the cloud is down
    When 5 pods are created
    And 3 min pass
    Then all pods are Pending
    When the cloud is back
    Then all pods become Running
    And each pod was started exactly once

  @inside
  Scenario: An outage of the API server is survived
    Given the API server is down for the runner
    When 5 pods are created
    And 2 min pass
    And the API server is back for the runner
    Then all pods become Running
    And each pod was started exactly once

  Scenario Outline: Errors that may pass delay a pod whatever its restart policy
    Given a pod whose creation fails with a retryable error 2 times
    And its restart policy is <policy>
    When the pod is created
    Then the pod becomes Running
    And the pod was started exactly once

    Examples:
      | policy    |
      | Always    |
      | OnFailure |
      | Never     |

  @inside
  Scenario: A pod that vanishes before it ran is told after a minute
    Given a pod that never starts because of ImagePullBackOff
    When the pod is created
    And its container waits because of ImagePullBackOff
    And the pod vanishes at the provider
    Then the pod becomes Failed with the reason NotFound
    And its container terminated with exit code 137

  Scenario: A pod that no retry has helped for an hour is still tried
    Given a pod whose creation fails with a retryable error 40 times
    When the pod is created
    And 3 h pass
    Then the pod is Running

  @inside
  Scenario: A provider that has lost the pod already does not keep it from going
    When a pod is created
    And the pod has become Running
    And the pod vanishes at the provider
    And the pod is deleted
    Then the pod is gone within 5 s
