# The DynamoDB table that Parley keeps preferences, facts and scores in, the
# same as `parley memory create-tables` makes. See docs/memory.md.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "table_prefix" {
  description = "What memory.dynamodb.table_prefix is set to."
  type        = string
  default     = "parley_"
}

resource "aws_dynamodb_table" "memory" {
  name         = "${var.table_prefix}memory"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "pk"
  range_key    = "sk"

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "S"
  }

  attribute {
    name = "board"
    type = "S"
  }

  attribute {
    name = "points"
    type = "N"
  }

  attribute {
    name = "span"
    type = "S"
  }

  global_secondary_index {
    name               = "board"
    hash_key           = "board"
    range_key          = "points"
    projection_type    = "INCLUDE"
    non_key_attributes = ["name"]
  }

  global_secondary_index {
    name            = "span"
    hash_key        = "span"
    projection_type = "KEYS_ONLY"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled = true
  }

  lifecycle {
    prevent_destroy = true
  }
}

# What Parley does with the table; creating it is left to Terraform.
data "aws_iam_policy_document" "memory" {
  statement {
    actions = [
      "dynamodb:DeleteItem",
      "dynamodb:DescribeTable",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:Query",
      "dynamodb:UpdateItem",
    ]
    resources = [
      aws_dynamodb_table.memory.arn,
      "${aws_dynamodb_table.memory.arn}/index/*",
    ]
  }
}

output "memory_policy" {
  description = "IAM policy for the role that Parley runs as."
  value       = data.aws_iam_policy_document.memory.json
}
