// Package example is manifests/examples/vllm, whose Deployment is llm in the namespace demo, for any
// other.
package example

import "strings"

// In is a manifest of the examples as it is for a namespace and a Deployment of those names.
func In(namespace, deployment, manifest string) string {
	return strings.NewReplacer(
		"namespace: demo\n", "namespace: "+namespace+"\n", "name: demo\n", "name: "+namespace+"\n",
		"name: llm\n", "name: "+deployment+"\n", "app: llm\n", "app: "+deployment+"\n").Replace(manifest)
}
