Feature: The life of a pod
  A pod that is bound to a virtual node runs at the provider, and its status tells the truth about it.

  Background:
    Given a virtual node

  Scenario: A pod bound to the node runs
    When a pod is created
    Then the pod becomes Running
    And the pod is Ready
    And the pod has an IP of its own
    And the pod was started exactly once

  Scenario: Pods have different IPs
    When 3 pods are created
    Then all pods become Running
    And all pods have different IPs

  Scenario: A pod whose container ends well has succeeded
    Given a pod that runs for 30 s and exits with 0
    And its restart policy is Never
    When the pod is created
    Then the pod becomes Succeeded
    And its container terminated with exit code 0
    And the pod is not Ready

  Scenario: A pod whose container fails has failed
    Given a pod that runs for 30 s and exits with 3
    And its restart policy is Never
    When the pod is created
    Then the pod becomes Failed
    And its container terminated with exit code 3

  @inside
  Scenario: A container that fails is restarted if its policy says so
    Given a pod that runs for 5 s and exits with 1
    And its restart policy is Always
    When the pod is created
    Then its container is restarted at least 2 times
    And the pod was created at the provider exactly once

  Scenario: A container that cannot start says why
    Given a pod that never starts because of ImagePullBackOff
    When the pod is created
    And 60 s pass
    Then the pod is Pending
    And its container waits because of ImagePullBackOff

  Scenario: Terminal is for ever
    Given a pod that runs for 5 s and exits with 0
    And its restart policy is Never
    When the pod is created
    And the pod has become Succeeded
    And 10 min pass
    Then the pod never left Succeeded

  @inside
  Scenario: A changed image reaches the provider
    When a pod is created
    And the pod has become Running
    And its image is changed to registry.example/app:2
    Then the provider runs the image registry.example/app:2
    And the pod was created at the provider exactly once
    And there is an event ProviderUpdateSuccess

  Scenario: A changed label does not disturb a pod
    When a pod is created
    And the pod has become Running
    And it is labelled colour=blue
    And 30 s pass
    Then the pod is Running
    And its container was never restarted

  Scenario: Success is told as an event
    When a pod is created
    Then there is an event ProviderCreateSuccess
