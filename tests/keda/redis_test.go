package keda_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/kedacore/keda/v2/pkg/scalers"
	"github.com/kedacore/keda/v2/pkg/scalers/scalersconfig"
	"github.com/redis/go-redis/v9"
	v2 "k8s.io/api/autoscaling/v2"
)

// queues is a real redis-server, and the real adapter that counts what lies in it.
type queues struct {
	*adapter
	*redis.Client
	server string
}

func newQueues(t *testing.T) *queues {
	t.Helper()
	address := freshAddress()
	startProgram(t, "/usr/bin/redis-server", "--bind", address, "--save", "", "--dir", t.TempDir())
	q := &queues{server: address + ":6379"}
	q.Client = redis.NewClient(&redis.Options{Addr: q.server})
	t.Cleanup(func() { _ = q.Client.Close() })
	eventually(t, func() error { return q.Ping(t.Context()).Err() })
	q.adapter = newAdapter(t, append([]string{"--redis", fmt.Sprintf(
		`{"servers":[{"name":"main","address":%q,"namespaces":[%q]}],"allowed_addresses":[%q,"localhost:6379"]}`,
		q.server, namespace, q.server)}, insecureDoor...))
	return q
}

// say asks Redis, and fails the test where it refuses.
func (q *queues) say(t *testing.T, words ...any) any {
	t.Helper()
	answer, err := q.Do(t.Context(), words...).Result()
	if err != nil {
		t.Fatalf("%v: %v", words, err)
	}
	return answer
}

func (q *queues) add(t *testing.T, stream string, entries int) {
	t.Helper()
	for range entries {
		q.say(t, "XADD", stream, "*", "k", "v")
	}
}

func (q *queues) read(t *testing.T, stream string, entries int) {
	t.Helper()
	q.say(t, "XREADGROUP", "GROUP", "g", "c", "COUNT", entries, "STREAMS", stream, ">")
}

// entry is the ID of an entry by its place.
func (q *queues) entry(t *testing.T, stream string, place int) string {
	t.Helper()
	entries, err := q.XRange(t.Context(), stream, "-", "+").Result()
	if err != nil {
		t.Fatal(err)
	}
	return entries[place].ID
}

func (q *queues) config(of metadata) *scalersconfig.ScalerConfig {
	return &scalersconfig.ScalerConfig{
		ScalableObjectName: "scaled", ScalableObjectNamespace: namespace, ScalableObjectType: "ScaledObject",
		TriggerMetadata: of, AuthParams: map[string]string{}, ResolvedEnv: map[string]string{},
		MetricType: v2.AverageValueMetricType,
	}
}

// theirs is KEDA's own scaler of the trigger, ours the same trigger after the migration: its type, the
// scalerAddress, and the server's name.
func (q *queues) theirs(t *testing.T, of metadata) scalers.Scaler {
	t.Helper()
	with := metadata{"address": q.server}
	maps.Copy(with, of)
	build := scalers.NewRedisScaler
	if of["stream"] != "" {
		build = scalers.NewRedisStreamsScaler
	}
	scaler, err := build(t.Context(), false, false, q.config(with))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = scaler.Close(context.Background()) })
	return scaler
}

func (q *queues) ours(t *testing.T, of metadata) scalers.Scaler {
	t.Helper()
	with := metadata{"address": q.server, "scalerAddress": q.endpoint(), "server": "main"}
	maps.Copy(with, of)
	return external(t, q.config(with))
}

// shown is all that KEDA makes of a trigger: its metric, the target, the value, and whether it is active.
func shown(t *testing.T, scaler scalers.Scaler) string {
	t.Helper()
	specs := scaler.GetMetricSpecForScaling(t.Context())
	if len(specs) != 1 {
		return fmt.Sprintf("%d specs", len(specs))
	}
	name, target := specs[0].External.Metric.Name, specs[0].External.Target.AverageValue
	values, active, err := scaler.GetMetricsAndActivity(t.Context(), name)
	if err != nil {
		return "error: " + err.Error()
	}
	return fmt.Sprintf("%s %s of %s, active %t", name, values[0].Value.String(), target.String(), active)
}

func expectShown(t *testing.T, what string, scaler scalers.Scaler, want string) {
	t.Helper()
	eventually(t, func() error {
		if got := shown(t, scaler); !strings.Contains(got, want) {
			return fmt.Errorf("%s: %q instead of %q", what, got, want)
		}
		return nil
	})
}

// fill lays so many jobs under `key` as one type or another.
func (q *queues) fill(t *testing.T, key, kind string, jobs int) {
	t.Helper()
	for job := range jobs {
		switch kind {
		case "list":
			q.say(t, "RPUSH", key, job)
		case "zset":
			q.say(t, "ZADD", key, job, job)
		case "set":
			q.say(t, "SADD", key, job)
		case "hash":
			q.say(t, "HSET", key, job, job)
		case "stream":
			q.add(t, key, 1)
		}
	}
}

// Where KEDA's scalers are right, a migrated trigger answers the same in everything that KEDA sees.
func TestAMigratedTriggerAnswersAsKedasOwn(t *testing.T) {
	q := newQueues(t)
	random := rand.New(rand.NewPCG(1, 2))
	for number := range 60 {
		kind := []string{"list", "zset", "set", "hash", "stream"}[number%5]
		key, jobs := fmt.Sprintf("jobs/%d:%s.wait", number, kind), random.IntN(12)
		target, activation := fmt.Sprint(1+random.IntN(9)), fmt.Sprint(random.IntN(12))
		q.fill(t, key, kind, jobs)
		of := metadata{"listName": key, "listLength": target, "activationListLength": activation}
		if kind == "stream" {
			of = metadata{"stream": key, "streamLength": target, "activationLagCount": activation}
		}
		want := shown(t, q.theirs(t, of))
		expectShown(t, fmt.Sprintf("%s of %d", kind, jobs), q.ours(t, of), want)
	}
}

func TestAMigratedGroupAnswersAsKedasOwn(t *testing.T) {
	q := newQueues(t)
	lag := metadata{"stream": "new", "consumerGroup": "g", "lagCount": "3", "activationLagCount": "2"}
	q.add(t, "new", 7)
	q.say(t, "XGROUP", "CREATE", "new", "g", "0")
	expectShown(t, "undelivered only", q.ours(t, lag), shown(t, q.theirs(t, lag)))
	pending := metadata{"stream": "given", "consumerGroup": "g", "pendingEntriesCount": "4"}
	q.add(t, "given", 6)
	q.say(t, "XGROUP", "CREATE", "given", "g", "0")
	q.read(t, "given", 6)
	expectShown(t, "pending only", q.ours(t, pending), shown(t, q.theirs(t, pending)))
}

// The defaults of keys that a trigger leaves out.
func TestAMigratedTriggerHasKedasDefaults(t *testing.T) {
	q := newQueues(t)
	q.fill(t, "s", "stream", 3)
	q.say(t, "XGROUP", "CREATE", "s", "g", "$")
	q.fill(t, "l", "list", 3)
	for _, of := range []metadata{{"listName": "l"}, {"listName": "none"}, {"stream": "s"}, {"stream": "s", "consumerGroup": "g"}} {
		expectShown(t, fmt.Sprint(of), q.ours(t, of), shown(t, q.theirs(t, of)))
	}
}

// The rows of contracts/keda.md §3.5: what KEDA's scaler makes of them, so that we hear when it is mended,
// and what is true.
func TestWhereKedasScalersAreWrongOursAreRight(t *testing.T) {
	q := newQueues(t)
	lag := func(stream string) metadata {
		return metadata{"stream": stream, "consumerGroup": "g", "lagCount": "5"}
	}
	q.add(t, "delivered", 10)
	q.say(t, "XGROUP", "CREATE", "delivered", "g", "0")
	q.read(t, "delivered", 10)

	q.add(t, "deleted", 8)
	q.say(t, "XGROUP", "CREATE", "deleted", "g", "0")
	q.say(t, "XDEL", "deleted", q.entry(t, "deleted", 4))

	q.add(t, "middle", 9)
	q.say(t, "XGROUP", "CREATE", "middle", "g", q.entry(t, "middle", 2))

	q.add(t, "trimmed", 100)
	q.say(t, "XGROUP", "CREATE", "trimmed", "g", "0")
	q.read(t, "trimmed", 10)
	q.say(t, "XTRIM", "trimmed", "MAXLEN", 50)

	q.add(t, "waiting", 4)
	q.say(t, "XGROUP", "CREATE", "waiting", "g", "0")
	waiting := metadata{"stream": "waiting", "consumerGroup": "g"}

	q.add(t, "no-group", 4)
	groupless := metadata{"stream": "no-group", "consumerGroup": "g"}

	for _, row := range []struct {
		what         string
		of           metadata
		theirs, ours string
	}{
		{"ten in work, scaled to zero", lag("delivered"), " 0 of 5, active false", " 10 of 5, active true"},
		{"lag is nil after XDEL", lag("deleted"), " of 5, active false", " 7 of 5, active true"},
		{"lag is nil for a group made in the middle", lag("middle"), " of 5, active false", " 6 of 5, active true"},
		{"lag counts what XTRIM took", lag("trimmed"), " 90 of 5, active true", " 60 of 5, active true"},
		{"pending mode does not see what waits", waiting, " 0 of 5, active false", " 4 of 5, active true"},
		{"a group that its consumers have yet to make", groupless, "error: NOGROUP", " 4 of 5, active true"},
	} {
		if got := shown(t, q.theirs(t, row.of)); !strings.Contains(got, row.theirs) {
			t.Errorf("%s: KEDA says %q, not %q any more", row.what, got, row.theirs)
		}
		expectShown(t, row.what, q.ours(t, row.of), row.ours)
	}
}

// A user who may use nothing but LLEN: KEDA needs EVAL, and takes an XINFO that is denied for no group.
func TestAUserWithFewRightsIsEnough(t *testing.T) {
	q := newQueues(t)
	q.fill(t, "jobs", "list", 3)
	q.add(t, "stream", 5)
	q.say(t, "XGROUP", "CREATE", "stream", "g", "0")
	q.say(t, "ACL", "SETUSER", "default", "resetpass", "nopass", "-@all", "+ping", "+hello", "+client", "+acl",
		"+llen", "+xlen", "+type")
	_, err := scalers.NewRedisScaler(t.Context(), false, false, q.config(metadata{"address": q.server, "listName": "jobs"}))
	if err == nil {
		got := shown(t, q.theirs(t, metadata{"listName": "jobs"}))
		if !strings.Contains(got, "NOPERM") {
			t.Errorf("KEDA's scaler says %q", got)
		}
	}
	expectShown(t, "LLEN alone", q.ours(t, metadata{"listName": "jobs"}), " 3 of 5, active true")
	of := metadata{"stream": "stream", "consumerGroup": "g", "lagCount": "5"}
	expectShown(t, "XINFO denied", q.ours(t, of), "Unavailable desc = redis queue stream: XINFO stream: NOPERM")
}

// A server that is gone is an error to KEDA, with the spec still told, and the truth again when it is back.
func TestARedisThatIsGoneIsNeverZero(t *testing.T) {
	q := newQueues(t)
	q.fill(t, "jobs", "list", 3)
	scaler := q.ours(t, metadata{"listName": "jobs"})
	expectShown(t, "before", scaler, " 3 of 5, active true")
	if err := q.Shutdown(t.Context()).Err(); err != nil {
		t.Log(err) // it hangs up on us
	}
	eventually(t, func() error {
		got := shown(t, scaler)
		if strings.Contains(got, " 0 of") {
			t.Fatalf("a server that is gone: %q", got)
		}
		if !strings.Contains(got, "Unavailable") {
			return fmt.Errorf("still %q", got)
		}
		return nil
	})
	if specs := scaler.GetMetricSpecForScaling(t.Context()); len(specs) != 1 {
		t.Errorf("%d specs: KEDA's fallback rests on them", len(specs))
	}
}

// 0 -> 1: the first job reaches KEDA's channel, and an empty queue pushes nothing.
func TestTheFirstJobIsPushed(t *testing.T) {
	q := newQueues(t)
	of := metadata{"listName": "jobs", "scalerAddress": q.endpoint(), "server": "main"}
	expectShown(t, "empty", q.ours(t, of), " 0 of 5, active false")
	_, active := pushed(t, q.config(of))
	time.Sleep(500 * time.Millisecond)
	if len(active) != 0 {
		t.Fatal("an empty queue was pushed")
	}
	q.say(t, "LPUSH", "jobs", "a")
	expectPush(t, active, "when a job came")
	expectPush(t, active, "again, while nobody takes it")
}

// A certificate that speaks for one namespace reads no queue of another's, and a server says whose it is.
func TestAServerIsForItsNamespaces(t *testing.T) {
	q := newQueues(t)
	q.fill(t, "jobs", "list", 3)
	config := q.config(metadata{"listName": "jobs", "scalerAddress": q.endpoint(), "server": "main"})
	config.ScalableObjectNamespace = "other"
	scaler := external(t, config)
	if _, _, err := scaler.GetMetricsAndActivity(t.Context(), "s0-redis-jobs"); err == nil ||
		!strings.Contains(err.Error(), "has this namespace among its namespaces") {
		t.Errorf("another namespace's trigger was answered: %v", err)
	}
}

// The whole migration where the password comes from metadata or environment: the type, and scalerAddress.
func TestAnAllowedAddressIsDialledWithTheTriggersLogin(t *testing.T) {
	q := newQueues(t)
	q.fill(t, "jobs", "list", 3)
	q.say(t, "CONFIG", "SET", "requirepass", "sesame")
	host, port, _ := strings.Cut(q.server, ":")
	for _, of := range []metadata{
		{"address": q.server, "passwordFromEnv": "REDIS_PASSWORD"},
		{"host": host, "port": port, "password": "sesame", "username": "default"},
	} {
		of["listName"], of["scalerAddress"] = "jobs", q.endpoint()
		config := q.config(of)
		config.ResolvedEnv = map[string]string{"REDIS_PASSWORD": "sesame"} // of the scale target's container
		expectShown(t, fmt.Sprint(of), external(t, config), " 3 of 5, active true")
	}
	wrong := metadata{"listName": "jobs", "scalerAddress": q.endpoint(), "address": q.server, "password": "s3cret"}
	expectShown(t, "a wrong password", external(t, q.config(wrong)),
		"Unavailable desc = redis queue jobs: login: AUTH was answered WRONGPASS")
	if strings.Contains(shown(t, external(t, q.config(wrong))), "s3cret") {
		t.Error("the password is in a message")
	}
}

// A name on the list may lead anywhere: its owner has a Service of type ExternalName, or the zone.
func TestATenantSendsUsNowhereElse(t *testing.T) {
	q := newQueues(t)
	q.fill(t, "jobs", "list", 3)
	_, port, _ := strings.Cut(q.server, ":")
	for address, want := range map[string]string{
		"localhost:" + port: "leads to 127.0.0.1, loopback, where a trigger may not send us",
		"127.0.0.1:" + port: "is not among the adapter's redis.allowed_addresses",
		"redis.other:6379":  "is not among the adapter's redis.allowed_addresses",
	} {
		of := metadata{"listName": "jobs", "scalerAddress": q.endpoint(), "address": address}
		if strings.HasPrefix(address, "localhost") {
			expectShown(t, address, external(t, q.config(of)), want)
			continue
		}
		_, _, err := external(t, q.config(of)).GetMetricsAndActivity(t.Context(), "s0-redis-jobs")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", address, err)
		}
	}
}
