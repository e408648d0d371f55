package dynamo

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/parley-bot/parley/internal/failure"
)

// explain gives an error of the SDK its kind. Every change may be made again
// with the same effect, so what may succeed later is failure.Retry.
// Error codes: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
func explain(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if _, known := errors.AsType[*failure.Error](err); known {
		return err
	}
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok { // the network, or no credentials to be had
		return failure.New(failure.Retry, "dynamodb_unavailable", "DynamoDB cannot be reached", err)
	}
	switch code := api.ErrorCode(); {
	case code == "ResourceNotFoundException":
		return failure.New(failure.Permanent, "dynamodb_no_table", "the DynamoDB table does not exist; run: parley memory create-tables", err)
	case strings.HasPrefix(code, "AccessDenied"), code == "UnrecognizedClientException", code == "InvalidSignatureException",
		code == "IncompleteSignature", code == "MissingAuthenticationToken", code == "MissingAuthenticationTokenException":
		return failure.New(failure.Permanent, "dynamodb_denied", "DynamoDB refuses these credentials", err)
	case code == "ValidationException", code == "ItemCollectionSizeLimitExceededException", code == "ConditionalCheckFailedException":
		return failure.New(failure.Permanent, "dynamodb_rejected", "DynamoDB rejected the request", err)
	case throttled(code):
		return failure.New(failure.Retry, "dynamodb_throttled", "DynamoDB is too busy", err)
	case api.ErrorFault() == smithy.FaultClient && code != "ExpiredTokenException":
		return failure.New(failure.Permanent, "dynamodb_rejected", "DynamoDB rejected the request", err)
	}
	return failure.New(failure.Retry, "dynamodb_unavailable", "DynamoDB is not available", err)
}

func throttled(code string) bool {
	switch code {
	case "ProvisionedThroughputExceededException", "ThrottlingException", "Throttling", "RequestLimitExceeded",
		"LimitExceededException", "TransactionConflictException", "ResourceInUseException":
		return true
	}
	return false
}

// unmet reports whether a condition did not hold.
func unmet(err error) bool {
	_, ok := errors.AsType[*types.ConditionalCheckFailedException](err)
	return ok
}
