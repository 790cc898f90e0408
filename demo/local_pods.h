// What makes a pod on one machine: a loopback address of its own, a sidecar process on it, and its
// entry in the adapter's pods file.

#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "demo/child_process.h"

namespace leadline {

constexpr int kEnginePort = 8000;  // vLLM's

// 127.x.y.N: the middle octets come from the process id, so that two demos at once share nothing.
[[nodiscard]] std::string loopback_address(int number);

struct SidecarOptions {
  std::string programs;  // folder of leadline-sidecar
  std::string engine_url;
  std::string address;  // its port is 9733, as in a cluster
  std::string namespace_name, pod_name, pod_uid;
  std::vector<std::string> arguments;  // further flags
  std::string log_file;
};

[[nodiscard]] Result<ChildProcess> start_sidecar(const SidecarOptions& options);

struct ListedPod {
  std::string name, uid, address;
  bool ready = false;
  bool deleting = false;
};

// The pods file's text: every pod belongs to the Deployment `workload`.
[[nodiscard]] std::string pods_document(const std::string& namespace_name,
                                        const std::string& workload,
                                        const std::vector<ListedPod>& pods);

// Readers see the old file or the new one, never half of it.
void replace_file(const std::string& path, const std::string& text);

}  // namespace leadline
