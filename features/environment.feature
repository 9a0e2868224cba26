Feature: The environment of a container
  The core resolves a container's environment; the provider gets literals.

  Background:
    Given a virtual node

  @inside
  Scenario: Values come from ConfigMaps and Secrets
    Given a ConfigMap settings with colour=blue
    And a Secret password with it=s3cret
    And a pod with the variable COLOUR from key colour of ConfigMap settings
    And the variable PASSWORD from key it of Secret password
    And the variable BOTH with the value "$(COLOUR)-$(PASSWORD)"
    When the pod is created
    Then the pod becomes Running
    And the provider was given COLOUR=blue
    And the provider was given BOTH=blue-s3cret

  @inside
  Scenario: A missing ConfigMap holds the pod back until it is there
    Given a pod with the variable COLOUR from key colour of ConfigMap settings
    When the pod is created
    Then its container waits because of CreateContainerConfigError
    And there is an event MandatoryConfigMapNotFound
    And the provider does not have the pod
    When a ConfigMap settings with colour=blue appears
    Then the pod becomes Running
    And the provider was given COLOUR=blue

  @inside
  Scenario: An optional Secret may be missing
    Given a pod with the variable PASSWORD from optional key it of Secret password
    When the pod is created
    Then the pod becomes Running
    And there is an event OptionalSecretNotFound
    And the provider was not given PASSWORD

  @inside
  Scenario: The pod's own fields are known
    Given a pod with the variable NODE from field spec.nodeName
    When the pod is created
    Then the pod becomes Running
    And the provider was given the node's name as NODE

  @inside
  Scenario: A value from a Secret is known to be secret, also inside another
    Given a Secret password with it=s3cret
    And a pod with the variable PASSWORD from optional key it of Secret password
    And the variable URL with the value "https://me:$(PASSWORD)@example"
    When the pod is created
    Then the pod becomes Running
    And the variable PASSWORD is secret
    And the variable URL is secret

  @inside
  Scenario: The Services of the namespace are known
    Given a Service shop-db with port 5432
    When the pod is created
    Then the pod becomes Running
    And the provider was given SHOP_DB_SERVICE_PORT=5432
    And the provider was given SHOP_DB_PORT_5432_TCP_PROTO=tcp

  @inside
  Scenario: A pod that wants no variables of Services gets none
    Given a Service shop-db with port 5432
    And the pod wants no variables of Services
    When the pod is created
    Then the pod becomes Running
    And the provider was not given SHOP_DB_SERVICE_PORT

  @inside @addressing
  Scenario: The pod's own address is known, where the provider knows it in advance
    Given a pod with the variable MY_IP from field status.podIP
    When the pod is created
    Then the pod becomes Running
    And the provider was given the pod's address as MY_IP

  @inside
  Scenario Outline: A container knows its requests and limits
    Given a container with the variable SIZE from resource <resource>
    When the pod is created
    Then the pod becomes Running
    And the provider was given SIZE=<value>

    Examples:
      | resource        | value |
      | requests.cpu    | 250   |
      | limits.memory   | 64    |
      | requests.memory | 64    |
