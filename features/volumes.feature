@inside
Feature: What a pod refers to
  The core reads what a pod refers to, and hands the provider files and literals: it needs no access to the cluster.

  Background:
    Given a virtual node

  Scenario: The keys of a ConfigMap are files
    Given a ConfigMap settings with colour=blue
    And a volume config of ConfigMap settings
    When the pod is created
    Then the pod becomes Running
    And the volume config has the file colour with blue

  Scenario: Some keys of a ConfigMap are files of other names
    Given a ConfigMap settings with colour=blue
    And a volume config of ConfigMap settings with colour as deep/shade
    When the pod is created
    Then the pod becomes Running
    And the volume config has the file deep/shade with blue

  Scenario: The keys of a Secret are files, and known to be secret
    Given a Secret password with it=s3cret
    And a volume keys of Secret password
    When the pod is created
    Then the pod becomes Running
    And the volume keys has the file it with s3cret
    And the volume keys is secret

  Scenario: A missing ConfigMap holds the pod back, and its coming starts it at once
    Given a volume config of ConfigMap settings
    When the pod is created
    Then there is an event FailedMount
    And the provider does not have the pod
    When 10 min pass
    And a ConfigMap settings with colour=blue appears
    And 2 s pass
    Then the pod is Running

  Scenario: An optional Secret may be missing
    Given a volume keys of optional Secret password
    When the pod is created
    Then the pod becomes Running
    And the volume keys is empty

  @refresh
  Scenario: A changed ConfigMap reaches the running pod
    Given a ConfigMap settings with colour=blue
    And a volume config of ConfigMap settings
    When the pod is created
    And the pod has become Running
    And the ConfigMap settings is changed to colour=red
    Then within 5 s the volume config has the file colour with red
    And its container was never restarted

  @refresh
  Scenario: What changed while the runner was away reaches the pod
    Given a ConfigMap settings with colour=blue
    And a volume config of ConfigMap settings
    When the pod is created
    And the pod has become Running
    And the runner crashes
    And the ConfigMap settings is changed to colour=red
    And the runner starts again
    Then within 5 s the volume config has the file colour with red

  Scenario: A pod knows itself by files
    Given a volume self with the field metadata.name
    And the pod is called narcissus
    When the pod is created
    Then the pod becomes Running
    And the volume self has the file it with narcissus

  @refresh
  Scenario: A token is there, and renewed before it ends
    Given a volume identity with a token for vault of 3600 s
    When the pod is created
    Then the pod becomes Running
    And the volume identity has a token
    And the volume identity is secret
    When 55 min pass
    Then the volume identity has another token

  Scenario: Registry logins are handed on
    Given a registry login hub for registry.example
    And the pod pulls with hub
    When the pod is created
    Then the pod becomes Running
    And the provider was given a login for registry.example

  Scenario: A missing registry login is told and holds nothing back
    Given the pod pulls with hub
    When the pod is created
    Then the pod becomes Running
    And there is an event FailedToRetrieveImagePullSecret
