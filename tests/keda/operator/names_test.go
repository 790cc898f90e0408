package operator_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/redis/go-redis/v9"

	"leadline.dev/tests/cluster/await"
	"leadline.dev/tests/cluster/process"
)

// shop is what the resolver knows of redis.shop, a name on the administrator's list whose owner may lead it
// elsewhere: a zone changed, a Service of type ExternalName, or without an address but with EndpointSlices
// written by hand; to who resolves it they all look the same.
type shop struct {
	hosts string
}

func (s shop) leadsTo(t *testing.T, address string) {
	t.Helper()
	if err := os.WriteFile(s.hosts, []byte(address+" redis.shop\n"), 0o644); err != nil { // the same file: it is mounted
		t.Fatal(err)
	}
}

// newNamed is an adapter of its own, with a hosts file of its own, that may dial redis.shop.
func newNamed(t *testing.T, home, at string) (shop, pb.ExternalScalerClient) {
	t.Helper()
	s := shop{filepath.Join(home, "hosts")}
	s.leadsTo(t, "10.244.254.9")
	pods := filepath.Join(home, "pods.json")
	path, err := filepath.Abs(filepath.Join(programs, "leadline-adapter"))
	err = errors.Join(err, os.WriteFile(pods, []byte(`{"pods":[],"objects":[]}`), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	adapter, err := process.Program{Folder: home, Path: "/usr/bin/unshare", Environment: []string{"LEADLINE_TOKEN=sesame"},
		Arguments: []string{"--mount", "sh", "-c", `mount --bind "$0" /etc/hosts && exec "$@"`, s.hosts, path,
			"--pods-file", pods, "--listen-address", at, "--keda-insecure=true",
			"--redis", `{allowed_addresses: ["redis.shop:6379"]}`}}.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = adapter.Kill() })
	connection, err := grpc.NewClient(at+":9734", grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return s, pb.NewExternalScalerClient(connection)
}

func told(t *testing.T, client pb.ExternalScalerClient) string {
	t.Helper()
	answer, err := client.GetMetrics(t.Context(), &pb.GetMetricsRequest{MetricName: "m", ScaledObjectRef: &pb.ScaledObjectRef{
		Name: "s", Namespace: "shop", ScalerMetadata: map[string]string{"listName": "jobs", "address": "redis.shop:6379"}}})
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(answer.MetricValues[0].MetricValue)
}

func expectTold(t *testing.T, client pb.ExternalScalerClient, wanted string) {
	t.Helper()
	await.Success(t, patience, func() error {
		got := told(t, client)
		if got == "41" {
			t.Fatal("we were led to a server that is not the name's")
		}
		if !strings.Contains(got, wanted) {
			return fmt.Errorf("%q instead of %q", got, wanted)
		}
		return nil
	})
}

func TestANameThatComesToLeadElsewhereIsNotFollowed(t *testing.T) {
	t.Parallel()
	home := filepath.Join(folder, "names")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	theirs, err := process.Start(home, "/usr/bin/redis-server", "--bind", "10.244.254.9", "--protected-mode", "no",
		"--save", "", "--dir", home)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = theirs.Kill() })
	named := redis.NewClient(&redis.Options{Addr: "10.244.254.9:6379"})
	await.Success(t, patience, func() error { return named.RPush(t.Context(), "jobs", 1, 2, 3).Err() })
	for job := range 41 { // on the server of the loopback address
		if err := store.RPush(t.Context(), "jobs", job).Err(); err != nil {
			t.Fatal(err)
		}
	}
	s, client := newNamed(t, home, "10.244.254.10")
	expectTold(t, client, "3")
	for address, why := range map[string]string{
		"127.0.0.1": "leads to 127.0.0.1, loopback", "169.254.169.254": "leads to 169.254.169.254, link-local",
		"::1": "leads to ::1, loopback", "0.0.0.0": "leads to 0.0.0.0, unspecified",
	} {
		s.leadsTo(t, address)
		if err := named.Do(t.Context(), "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes").Err(); err != nil {
			t.Fatal(err)
		}
		expectTold(t, client, why)
		s.leadsTo(t, "10.244.254.9")
		expectTold(t, client, "3")
	}
	time.Sleep(time.Second) // and it stays
	expectTold(t, client, "3")
}
