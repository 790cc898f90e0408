#include "adapter/pods_document.h"

#include <arpa/inet.h>

#include <unordered_map>

#include <fmt/format.h>

#include "adapter/document_reader.h"

namespace leadline {
namespace {

using nlohmann::json;

bool is_ip(const std::string& text) {
  in6_addr address{};
  return inet_pton(AF_INET, text.c_str(), &address) == 1 ||
         inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

std::optional<PodOwner> read_owner(DocumentReader& reader, const json& pod,
                                   std::string_view pod_path) {
  const auto found = pod.find("owner");
  if (found == pod.end() || found->is_null()) return std::nullopt;
  const std::string path = fmt::format("{}.owner", pod_path);
  if (!reader.object_with(*found, {"apiVersion", "kind", "name"}, path)) return std::nullopt;
  return PodOwner{.api_version = reader.text(*found, "apiVersion", path),
                  .kind = reader.required_text(*found, "kind", path),
                  .name = reader.required_text(*found, "name", path)};
}

Pod read_pod(DocumentReader& reader, const json& value, const std::string& path) {
  Pod pod;
  if (!reader.object_with(value,
                          {"namespace", "name", "uid", "ip", "port", "node", "ready", "deleting",
                           "labels", "owner"},
                          path)) {
    return pod;
  }
  pod.namespace_name = reader.required_text(value, "namespace", path);
  pod.name = reader.required_text(value, "name", path);
  pod.uid = reader.text(value, "uid", path);
  pod.ip = reader.text(value, "ip", path);
  pod.port = reader.port(value, "port", path);
  pod.node = reader.text(value, "node", path);
  pod.ready = reader.flag(value, "ready", path, true);
  pod.deleting = reader.flag(value, "deleting", path, false);
  pod.labels = reader.labels(value, "labels", path);
  pod.owner = read_owner(reader, value, path);
  if (!pod.ip.empty() && !is_ip(pod.ip)) {
    reader.error(path + ".ip", fmt::format("\"{}\" is no IP address", pod.ip));
  }
  return pod;
}

KubeObject read_object(DocumentReader& reader, const json& value, const std::string& path) {
  KubeObject object;
  if (!reader.object_with(
          value, {"apiVersion", "kind", "namespace", "name", "labels", "podSelector"}, path)) {
    return object;
  }
  object.api_version = reader.required_text(value, "apiVersion", path);
  object.kind = reader.required_text(value, "kind", path);
  object.namespace_name = reader.text(value, "namespace", path);
  object.name = reader.required_text(value, "name", path);
  object.labels = reader.labels(value, "labels", path);
  object.pod_selector = reader.labels(value, "podSelector", path);
  return object;
}

// Notes a second use of what only one pod or object may have.
class Uniqueness {
 public:
  Uniqueness(DocumentReader& reader, const char* what) : reader_(reader), what_(what) {}

  void claim(const std::string& value, const std::string& path) {
    const auto [first, fresh] = seen_.emplace(value, path);
    if (fresh) return;
    reader_.error(path, fmt::format("has the {} {} of {}", what_, value, first->second));
  }

 private:
  DocumentReader& reader_;
  const char* what_;
  std::unordered_map<std::string, std::string> seen_;
};

void check_pods_differ(DocumentReader& reader, const std::vector<Pod>& pods) {
  Uniqueness names(reader, "namespace and name");
  Uniqueness uids(reader, "uid");
  Uniqueness addresses(reader, "address");
  for (std::size_t i = 0; i < pods.size(); ++i) {
    const Pod& pod = pods[i];
    const std::string path = fmt::format("pods[{}]", i);
    if (!pod.name.empty()) names.claim(fmt::format("{}/{}", pod.namespace_name, pod.name), path);
    if (!pod.uid.empty()) uids.claim(pod.uid, path);
    if (pod.has_sidecar()) addresses.claim(fmt::format("{}:{}", pod.ip, pod.port), path);
  }
}

void check_objects_differ(DocumentReader& reader, const std::vector<KubeObject>& objects) {
  Uniqueness names(reader, "kind, namespace and name");
  for (std::size_t i = 0; i < objects.size(); ++i) {
    const KubeObject& object = objects[i];
    if (object.name.empty()) continue;
    names.claim(fmt::format("{} {}/{}", object.kind, object.namespace_name, object.name),
                fmt::format("objects[{}]", i));
  }
}

}  // namespace

Result<PodList> parse_pods_document(std::string_view text) {
  const auto document = parse_document(text);
  if (!document) return fail(document.error());
  DocumentReader reader;
  PodList list;
  if (!reader.object_with(*document, {"pods", "objects"}, "document")) {
    return fail(Errc::kBadInput, "{}", reader.errors());
  }
  const json& pods = reader.list(*document, "pods");
  if (pods.size() > kMaxPods) {
    return fail(Errc::kBadInput, "pods: {} must be at most {}", pods.size(), kMaxPods);
  }
  for (const json& pod : pods) {
    list.pods.push_back(read_pod(reader, pod, fmt::format("pods[{}]", list.pods.size())));
  }
  for (const json& object : reader.list(*document, "objects")) {
    list.objects.push_back(
        read_object(reader, object, fmt::format("objects[{}]", list.objects.size())));
  }
  check_pods_differ(reader, list.pods);
  check_objects_differ(reader, list.objects);
  if (reader.failed()) return fail(Errc::kBadInput, "{}", reader.errors());
  return list;
}

}  // namespace leadline
