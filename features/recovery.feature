@inside
Feature: Recovery
  The runner keeps nothing. Whenever it dies, the next one brings everything to rest: nothing lost, nothing doubled.

  Background:
    Given a virtual node

  Scenario: Pods outlive the runner
    When 5 pods are created
    And all pods have become Running
    And the runner crashes
    And 60 s pass
    And the runner starts again
    And 60 s pass
    Then all pods are Running
    And each pod was started exactly once

  Scenario: A pod created while the runner was away is started
    When the runner crashes
    And a pod is created
    And 60 s pass
    And the runner starts again
    Then the pod becomes Running
    And the pod was started exactly once

  Scenario: A pod deleted while the runner was away is ended
    When a pod is created
    And the pod has become Running
    And the runner crashes
    And the pod is deleted
    And 60 s pass
    And the runner starts again
    Then the pod is gone within 60 s
    And the provider does not have the pod

  Scenario: A pod removed by force while the runner was away is ended
    When a pod is created
    And the pod has become Running
    And the runner crashes
    And the pod is deleted by force
    And the runner starts again
    Then the provider does not have the pod within 30 s

  Scenario: A pod that ended while the runner was away is told
    Given a pod that runs for 30 s and exits with 0
    And its restart policy is Never
    When the pod is created
    And the pod has become Running
    And the runner crashes
    And 60 s pass
    And the runner starts again
    Then the pod becomes Succeeded

  Scenario: A crash in the middle of a create starts nothing twice
    Given a pod whose creation takes 20 s
    When the pod is created
    And 5 s pass
    And the runner crashes
    And the runner starts again
    Then the pod becomes Running
    And the pod was started exactly once

  Scenario: A pod that must not run twice is not, when the cloud has lost it meanwhile
    Given a pod that runs for 300 s and exits with 0
    And its restart policy is Never
    When the pod is created
    And the pod has become Running
    And the runner crashes
    And the pod vanishes at the provider
    And the runner starts again
    Then the pod becomes Failed with the reason NotFound
    And the pod was started exactly once

  Scenario: A pod that may restart is started again, when the cloud has lost it meanwhile
    When a pod is created
    And the pod has become Running
    And the runner crashes
    And the pod vanishes at the provider
    And the runner starts again
    And 60 s pass
    Then the pod is Running
    And the provider has exactly 1 pod

  Scenario: A crash between two writes converges
    When 20 pods are created
    And the runner crashes and starts again every 2 s for 60 s
    And 60 s pass
    Then all pods are Running
    And each pod was started exactly once

  Scenario: A pod that was being deleted when the runner died goes with the next one
    Given a pod that takes 300 s to end
    And its grace period is 10 s
    When the pod is created
    And the pod has become Running
    And the pod is deleted
    And the runner crashes
    And 60 s pass
    And the runner starts again
    Then the pod is gone within 60 s
    And the provider has exactly 0 pods

  Scenario: A pod that had ended before the runner started is left as it is
    Given a pod that runs for 5 s and exits with 3
    And its restart policy is Never
    When the pod is created
    And the pod has become Failed
    And the runner crashes
    And the runner starts again
    And 10 min pass
    Then the pod never left Failed
    And the pod was started exactly once
