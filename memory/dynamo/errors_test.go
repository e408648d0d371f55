package dynamo

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/parley-bot/parley/internal/failure"
)

func TestErrorsHaveKinds(t *testing.T) {
	t.Parallel()
	api := func(code string, fault smithy.ErrorFault) error {
		return &smithy.OperationError{OperationName: "UpdateItem", Err: &smithy.GenericAPIError{Code: code, Fault: fault}}
	}
	for _, tt := range []struct {
		err  error
		kind failure.Kind
		code string
	}{
		{&types.ProvisionedThroughputExceededException{}, failure.Retry, "dynamodb_throttled"},
		{api("ThrottlingException", smithy.FaultClient), failure.Retry, "dynamodb_throttled"},
		{api("RequestLimitExceeded", smithy.FaultClient), failure.Retry, "dynamodb_throttled"},
		{api("InternalServerError", smithy.FaultServer), failure.Retry, "dynamodb_unavailable"},
		{api("ExpiredTokenException", smithy.FaultClient), failure.Retry, "dynamodb_unavailable"},
		{errors.New("dial tcp: refused"), failure.Retry, "dynamodb_unavailable"},
		{api("AccessDeniedException", smithy.FaultClient), failure.Permanent, "dynamodb_denied"},
		{api("UnrecognizedClientException", smithy.FaultClient), failure.Permanent, "dynamodb_denied"},
		{&types.ResourceNotFoundException{}, failure.Permanent, "dynamodb_no_table"},
		{api("ValidationException", smithy.FaultClient), failure.Permanent, "dynamodb_rejected"},
		{api("SomethingNew", smithy.FaultClient), failure.Permanent, "dynamodb_rejected"},
	} {
		got := explain(tt.err)
		if failure.KindOf(got) != tt.kind || failure.CodeOf(got) != tt.code || !errors.Is(got, tt.err) {
			t.Errorf("%v: %v %s, want %v %s", tt.err, failure.KindOf(got), failure.CodeOf(got), tt.kind, tt.code)
		}
		if again := explain(got); !errors.Is(again, got) || failure.CodeOf(again) != tt.code {
			t.Errorf("explained twice: %v", again)
		}
	}
	for _, err := range []error{nil, context.Canceled, context.DeadlineExceeded} {
		if got := explain(err); !errors.Is(got, err) || failure.CodeOf(got) != "internal" {
			t.Errorf("%v became %v", err, got)
		}
	}
}
