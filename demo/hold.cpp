#include "demo/hold.h"

#include <cstdio>

namespace leadline {

std::string kubeconfig_for(const AdapterProcess& adapter) {
  return fmt::format(
      "apiVersion: v1\n"
      "kind: Config\n"
      "current-context: leadline-demo\n"
      "clusters:\n"
      "  - name: leadline-demo\n"
      "    cluster: {{server: \"https://127.0.0.1:{}\", certificate-authority: \"{}\"}}\n"
      "users:\n"
      "  - name: demo\n"
      "    user: {{token: \"{}\"}}\n"
      "contexts:\n"
      "  - name: leadline-demo\n"
      "    context: {{cluster: leadline-demo, user: demo}}\n",
      adapter.port(), adapter.certificate_file(), adapter.token());
}

void print_hold_help(const AdapterProcess& adapter, const WorkFolder& folder,
                     const HpaManifest& manifest) {
  if (const auto written = folder.write("kubeconfig", kubeconfig_for(adapter)); !written) {
    std::fprintf(stderr, "%s\n", written.error().message.c_str());
    return;
  }
  const std::string kubectl = "kubectl --kubeconfig " + folder.file("kubeconfig");
  const std::string object = fmt::format(
      "/apis/custom.metrics.k8s.io/v1beta2/namespaces/{}/deployments.apps/{}/in_flight_requests",
      manifest.namespace_name, manifest.workload);
  std::printf("\nHolding; Ctrl-C ends it. In another terminal:\n\n");
  std::printf("  %s get --raw %s\n", kubectl.c_str(), object.c_str());
  std::printf("  %s get queue_depth -n %s\n", kubectl.c_str(), manifest.namespace_name.c_str());
  std::printf("  curl --cacert %s -H \"Authorization: Bearer $(cat %s)\" https://127.0.0.1:%u%s\n",
              adapter.certificate_file().c_str(), folder.file("token").c_str(), adapter.port(),
              object.c_str());
  std::printf("  cat %s\n\n", (folder.path() + "/pods.json").c_str());
  std::fflush(stdout);
}

}  // namespace leadline
