"""A fake AWS Fargate: ECS tasks, and what of CloudWatch Logs, Parameter Store and Secrets Manager goes with them."""
