package cluster

import (
	"path/filepath"
	"strings"
	"testing"
)

// dryRun lets kube-apiserver check everything, unknown fields included, and change nothing.
func dryRun(t *testing.T, manifest string) error {
	t.Helper()
	_, err := admin.Feed(t.Context(), manifest, "apply", "--server-side", "--force-conflicts",
		"--dry-run=server", "--validate=strict", "-f", "-")
	return err
}

func TestManifestsPassTheAPIServersStrictDryRun(t *testing.T) {
	t.Parallel()
	demoScene(t)
	for name, text := range everyManifest(t) {
		if err := dryRun(t, text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := dryRun(t, strings.Replace(text, "\nspec:\n", "\nspec:\n  unheardOf: 1\n", 1)); err == nil {
			t.Errorf("%s with an unknown field passes", name)
		}
	}
}

// everyManifest is base and all components together, and each example.
func everyManifest(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, folder := range []string{"../manifests/everything", manifests + "/base", ours, manifests + "/examples/vllm"} {
		text, err := admin.Run(t.Context(), "kustomize", folder)
		if err != nil {
			t.Fatal(err)
		}
		all[folder] = text
	}
	files, err := filepath.Glob(manifests + "/examples/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		all[file] = readFile(t, file)
	}
	return all
}
