"""Alibaba Cloud Elastic Container Instance: one container group a pod."""
