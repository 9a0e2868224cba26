Feature: The end of a pod
  A deleted pod ends at the provider first and is gone from the API as soon as nothing of it runs.

  Background:
    Given a virtual node

  Scenario: A deleted pod goes as soon as its containers have ended
    Given a pod that takes 2 s to end
    And its grace period is 30 s
    When the pod is created
    And the pod has become Running
    And the pod is deleted
    Then the pod is gone within 5 s
    And the provider does not have the pod

  @grace
  Scenario: A pod that does not end is killed after its grace
    Given a pod that takes 600 s to end
    And its grace period is 10 s
    When the pod is created
    And the pod has become Running
    And the pod is deleted
    And 5 s pass
    Then the pod still exists
    And the pod is gone within 10 s
    And the provider does not have the pod

  @hurry
  Scenario: A shorter grace ends a pod sooner
    Given a pod that takes 600 s to end
    And its grace period is 300 s
    When the pod is created
    And the pod has become Running
    And the pod is deleted
    And the pod is deleted with a grace of 5 s
    Then the pod is gone within 10 s
    And the provider does not have the pod

  @hurry
  Scenario: A pod deleted by force is killed at the provider
    Given a pod that takes 600 s to end
    When the pod is created
    And the pod has become Running
    And the pod is deleted by force
    Then the pod is gone within 1 s
    And the provider does not have the pod within 5 s

  Scenario: A pod deleted while it is being created leaves nothing behind
    Given a pod whose creation takes 20 s
    When the pod is created
    And 5 s pass
    And the pod is deleted
    Then the pod is gone within 60 s
    And the provider does not have the pod

  Scenario: A pod deleted before it could be created is gone
    Given a pod whose creation fails with a retryable error 100 times
    When the pod is created
    And 20 s pass
    And the pod is deleted
    Then the pod is gone within 5 s
    And the provider does not have the pod

  Scenario: The end of a pod is told before it goes
    Given a pod that takes 2 s to end
    And it has a finalizer
    When the pod is created
    And the pod has become Running
    And the pod is deleted
    And 10 s pass
    Then the pod still exists
    And the phase of the pod is terminal
    When its finalizers are removed
    Then the pod is gone within 1 s

  Scenario: A namesake is another pod
    When a pod is created
    And the pod has become Running
    And the pod is deleted by force
    And a pod of the same name is created
    Then the pod becomes Running
    And the pod was started exactly once
    And the provider has exactly 1 pod

  Scenario: A provider that fails to delete is asked again
    Given a pod whose deletion fails with a retryable error 3 times
    When the pod is created
    And the pod has become Running
    And the pod is deleted
    Then there is an event ProviderDeleteFailed
    And the pod is gone within 60 s
    And the provider does not have the pod
