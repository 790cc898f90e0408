#include "sidecar/engine_address.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <string>

namespace leadline {
namespace {

// trtllm-serve's own path goes first: there, reading /metrics destroys what it tells. Elsewhere it
// is a plain 404. Then vLLM and most others, NIM, TensorFlow Serving, DJL.
constexpr std::array kPaths = {"/prometheus/metrics", "/metrics", "/v1/metrics",
                               "/monitoring/prometheus/metrics", "/server/metrics"};

// Most common engines first: vLLM and many, SGLang, llama.cpp and KServe, TGI, LMDeploy, Triton,
// MLServer, Dynamo's worker, TensorFlow Serving, Infinity, TGI in its image.
constexpr std::array<std::uint16_t, 11> kDefaultPorts = {8000, 30000, 8080, 3000, 23333, 8002,
                                                         8082, 8081,  8501, 7997, 80};

// Metrics ports of engines that serve requests on another one: Triton, MLServer and TorchServe.
constexpr std::array<std::uint16_t, 2> kNeighbours = {8002, 8082};

HttpUrl endpoint(const std::string& host, std::uint16_t port, std::string path) {
  return {.scheme = "http", .host = host, .port = port, .path = std::move(path)};
}

void add_paths(const std::string& host, std::uint16_t port, std::vector<Candidate>& all) {
  for (const char* path : kPaths) all.push_back({endpoint(host, port, path)});
}

std::vector<Candidate> on_named_port(const HttpUrl& url) {
  std::vector<Candidate> all;
  add_paths(url.host, url.port, all);
  for (const std::uint16_t port : kNeighbours) {
    if (port == url.port) continue;
    all.push_back({.endpoint = endpoint(url.host, port, "/metrics"), .neighbour = true});
  }
  return all;
}

}  // namespace

std::vector<Candidate> candidates_of(const EngineAddress& address) {
  if (address.url && address.url->path != "/") return {{*address.url}};
  if (address.url) return on_named_port(*address.url);
  assert(address.ports.size() <= kMostPorts);
  std::vector<std::uint16_t> ports = address.ports;
  if (ports.empty()) ports.assign(kDefaultPorts.begin(), kDefaultPorts.end());
  std::vector<Candidate> all;
  for (const std::uint16_t port : ports) add_paths("127.0.0.1", port, all);
  return all;
}

}  // namespace leadline
