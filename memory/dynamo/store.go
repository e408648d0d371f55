package dynamo

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/logging"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/memory"
)

// Options say where the tables are.
type Options struct {
	Region      string         // "" = as AWS_REGION or the shared configuration says
	Endpoint    string         // of an emulator; "" = Amazon's
	TablePrefix string         // of the tables' names
	Zone        *time.Location // where days start at midnight; nil = UTC

	// AccessKey and SecretKey stand in for the credentials that AWS's own
	// chain finds; both empty = use the chain.
	AccessKey, SecretKey string
}

// requestTimeout bounds one request; the SDK makes up to three.
const requestTimeout = 5 * time.Second

// Store is the [memory.Backend] in DynamoDB. It is safe for concurrent use.
type Store struct {
	client *dynamodb.Client
	prefix string
	table  string
	zone   *time.Location
}

var _ memory.Backend = (*Store)(nil)

// Open loads the AWS configuration. It makes no request.
func Open(ctx context.Context, o Options) (*Store, error) {
	load := []func(*config.LoadOptions) error{
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(requestTimeout)),
	}
	if o.Region != "" {
		load = append(load, config.WithRegion(o.Region))
	}
	if o.AccessKey != "" {
		load = append(load, config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(o.AccessKey, o.SecretKey, "")))
	}
	load = append(load, config.WithLogger(logging.Nop{})) // it writes past our log, and returns what matters as errors
	cfg, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, fmt.Errorf("load the AWS configuration: %w", err)
	}
	if cfg.Region == "" {
		return nil, failure.New(failure.Permanent, "dynamodb_no_region", "no AWS region: set memory.dynamodb.region or AWS_REGION", nil)
	}
	client := dynamodb.NewFromConfig(cfg, func(c *dynamodb.Options) {
		if o.Endpoint != "" {
			c.BaseEndpoint = aws.String(o.Endpoint)
		}
	})
	return &Store{client: client, prefix: o.TablePrefix, table: o.TablePrefix + Tables()[0].Name, zone: cmp.Or(o.Zone, time.UTC)}, nil
}

// Stage implements [memory.Backend]: the changes are made at once, by requests
// of their own.
func (s *Store) Stage(ctx context.Context, e memory.Effect, changes ...memory.Change) (memory.Staged, error) {
	results, err := s.apply(ctx, e, changes)
	if err != nil {
		return nil, err
	}
	return func(context.Context, database.Tx) ([]memory.Result, error) { return results, nil }, nil
}

func (s *Store) apply(ctx context.Context, e memory.Effect, changes []memory.Change) ([]memory.Result, error) {
	if len(changes) == 0 {
		return nil, nil
	}
	effect, err := e.Hash()
	if err != nil {
		return nil, err
	}
	r := run{Store: s, effect: effect[:effectBytes], at: e.At}
	results := make([]memory.Result, len(changes))
	for i, c := range sum(changes) {
		if c == nil {
			continue
		}
		if results[i], err = r.make(ctx, c); err != nil {
			return nil, err
		}
	}
	share(changes, results)
	return results, nil
}

// run is one Stage.
type run struct {
	*Store
	effect []byte
	at     time.Time
}

func (r run) make(ctx context.Context, c memory.Change) (memory.Result, error) {
	res, err := memory.Result{}, memory.Check(c)
	if err == nil {
		res, err = r.makeChecked(ctx, c)
	}
	if failure.KindOf(err) == failure.Invalid {
		return memory.Result{Refused: err}, nil
	}
	return res, explain(err)
}

func (r run) makeChecked(ctx context.Context, c memory.Change) (memory.Result, error) {
	done := memory.Result{Done: true}
	switch c := c.(type) {
	case memory.SetPreference:
		return done, r.setPreference(ctx, c)
	case memory.DeletePreference:
		return r.deletePreference(ctx, c)
	case memory.Seen:
		return done, r.seen(ctx, c)
	case memory.Remember:
		return r.remember(ctx, c)
	case memory.Forget:
		return r.forget(ctx, c)
	case memory.AddScore:
		return r.addScore(ctx, c)
	case memory.CountCommand:
		_, err := r.once(ctx, realmKey(c.Realm, usePrefix+c.Name), r.effect, add("uses", 1))
		return done, err
	case memory.ForgetPerson:
		return r.forgetPerson(ctx, c.Person)
	}
	return memory.Result{}, fmt.Errorf("%T is no change", c)
}

// counter names what several AddScore of one call may add to.
type counter struct {
	place  memory.Place
	board  memory.Board
	person memory.Person
}

// counterOf returns what the change adds to; ok is false where it adds nothing.
func counterOf(c memory.Change) (of counter, ok bool) {
	a, ok := c.(memory.AddScore)
	if !ok || memory.Check(c) != nil {
		return counter{}, false
	}
	return counter{a.Place, a.Board, a.Person}, true
}

// sum adds up the changes of one counter in the first of them, and leaves nil
// in the place of the others: a counter takes an effect once.
func sum(changes []memory.Change) []memory.Change {
	list := slices.Clone(changes)
	first := map[counter]int{}
	for i, c := range changes {
		of, ok := counterOf(c)
		if !ok {
			continue
		}
		at, again := first[of]
		if !again {
			first[of] = i
			continue
		}
		total, _ := list[at].(memory.AddScore)
		more, _ := c.(memory.AddScore)
		total.N += more.N
		if total.Reason == "" {
			total.Reason, total.By = more.Reason, more.By
		}
		list[at], list[i] = total, nil
	}
	return list
}

// share gives every change of a counter the result of the first one.
func share(changes []memory.Change, results []memory.Result) {
	first := map[counter]int{}
	for i, c := range changes {
		of, ok := counterOf(c)
		if !ok {
			continue
		}
		if at, again := first[of]; again {
			results[i] = results[at]
			continue
		}
		first[of] = i
	}
}
