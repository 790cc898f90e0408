//go:build long

package cluster

import (
	"testing"
	"time"

	"leadline.dev/tests/cluster/await"
)

// The one example as users have it, file by file, with nothing moved and nothing shortened:
// `./dev cluster-test --long`.
func TestExampleWithItsOwnFiveMinutes(t *testing.T) {
	t.Parallel()
	needAdapter(t)
	s := demoScene(t)
	nodes.EngineFlags(s.namespace, "--max-num-seqs=2")
	s.run("apply", "-k", manifests+"/examples/vllm")
	s.awaitReady(1)
	load := s.startLoad(5, 128, 100)
	s.run("apply", "-f", manifests+"/examples/hpa-queue-depth.yaml")
	await.Success(t, patience, func() error { return s.expectAtLeast(2) })
	load.end()
	begin := time.Now()
	await.Success(t, 10*time.Minute, func() error { return s.expectReplicas(1) })
	took := time.Since(begin)
	t.Logf("down after %.0f s", took.Seconds())
	if took < 4*time.Minute {
		t.Error("that is too early")
	}
}

func (s *scene) run(arguments ...string) {
	s.Helper()
	if _, err := admin.Run(s.Context(), arguments...); err != nil {
		s.Fatal(err)
	}
}
