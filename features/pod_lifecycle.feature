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

  Scenario: A pod that is active for longer than it may has failed
    Given its active deadline is 30 s
    When the pod is created
    And the pod has become Running
    Then the pod becomes Failed with the reason DeadlineExceeded
    And the provider does not have the pod

  Scenario: A changed active deadline counts
    When a pod is created
    And the pod has become Running
    And its active deadline is set to 10 s
    Then the pod becomes Failed with the reason DeadlineExceeded

  @inside
  Scenario: A status that somebody else overwrote is put right
    When a pod is created
    And the pod has become Running
    And somebody writes that the pod is Pending
    Then the pod becomes Running
    And the pod was started exactly once

  @inside
  Scenario: What still runs of a pod that others declared failed is ended
    When a pod is created
    And the pod has become Running
    And somebody writes that the pod is Failed
    Then the provider does not have the pod within 60 s
    And the pod never left Failed

  Scenario: Others' conditions, labels and annotations stay
    Given a pod that runs for 30 s and exits with 0
    And its restart policy is Never
    When the pod is created
    And somebody sets the condition example.com/gate on the pod
    And it is labelled colour=blue
    Then the pod becomes Succeeded
    And the pod has the condition example.com/gate
    And the pod has the label colour=blue

  Scenario: Init containers run first, sidecars go on
    Given an init container prepare
    And a sidecar proxy
    When the pod is created
    Then the pod becomes Running
    And the init container prepare has ended with 0
    And the init container proxy is running
    And the pod is Ready
    And the pod is initialized

  @inside
  Scenario: Nothing is written while nothing changes
    When 3 pods are created
    And all pods have become Running
    And 60 s pass
    Then nothing is written to the pods for 30 min
