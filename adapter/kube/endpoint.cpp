#include "adapter/kube/endpoint.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include <nlohmann/json.hpp>

#include "adapter/base64.h"
#include "adapter/document_reader.h"
#include "adapter/kube/objects.h"
#include "daemon/http_url.h"
#include "daemon/text_file.h"

namespace leadline {
namespace {

using nlohmann::json;

// `http://` or `https://`, and a host; the rest is libcurl's to read.
bool is_server(std::string_view url) {
  const bool http = url.starts_with("http://") || url.starts_with("https://");
  const std::string_view host = http ? url.substr(url.find("//") + 2) : std::string_view();
  const auto plain = [](char c) { return c > ' ' && c < 0x7f; };
  return !host.empty() && host.front() != '/' && host.front() != ':' &&
         std::all_of(host.begin(), host.end(), plain);
}

// One named entry of `clusters`, `contexts` or `users`: its inner map.
struct Entry {
  const json* map = nullptr;
  std::string path;  // for messages: `clusters[0].cluster`
};

class Kubeconfig {
 public:
  Kubeconfig(std::string file, json document)
      : file_(std::move(file)), document_(std::move(document)) {}

  Result<KubeEndpoint> endpoint(const std::string& wanted) {
    const std::string context_name =
        wanted.empty() ? reader_.text(document_, "current-context", "") : wanted;
    const Entry context = find("contexts", "context", context_name);
    if (context.map != nullptr) {
      read_cluster(
          find("clusters", "cluster", reader_.text(*context.map, "cluster", context.path)));
      read_user(find("users", "user", reader_.text(*context.map, "user", context.path)));
    }
    if (reader_.failed())
      return fail(Errc::kBadConfig, "kubeconfig {}: {}", file_, reader_.errors());
    return endpoint_;
  }

 private:
  Entry find(const char* list, const char* inner, const std::string& name) {
    const json& entries = reader_.list(document_, list);
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (text_at(entries[i], {"name"}) != name) continue;
      const auto map = entries[i].find(inner);
      if (map == entries[i].end() || !map->is_object()) break;
      return {&*map, fmt::format("{}[{}].{}", list, i, inner)};
    }
    reader_.error(list, fmt::format("has no \"{}\" called \"{}\"", inner, name));
    return {};
  }

  void read_cluster(const Entry& cluster) {
    if (cluster.map == nullptr) return;
    endpoint_.server = reader_.required_text(*cluster.map, "server", cluster.path);
    if (!endpoint_.server.empty() && !is_server(endpoint_.server)) {
      reader_.error(cluster.path + ".server",
                    fmt::format("\"{}\" must be http://HOST or https://HOST", endpoint_.server));
    }
    while (endpoint_.server.ends_with('/')) endpoint_.server.pop_back();
    endpoint_.ca_pem = pem(cluster, "certificate-authority", &endpoint_.ca_file);
    endpoint_.tls_server_name = reader_.text(*cluster.map, "tls-server-name", cluster.path);
    endpoint_.verify = !reader_.flag(*cluster.map, "insecure-skip-tls-verify", cluster.path, false);
  }

  void read_user(const Entry& user) {
    if (user.map == nullptr) return;
    for (const char* unsupported : {"exec", "auth-provider", "username", "as"}) {
      if (user.map->contains(unsupported)) {
        reader_.error(user.path, fmt::format("{} is not supported; use token, tokenFile or a "
                                             "client certificate",
                                             unsupported));
      }
    }
    endpoint_.token_file = beside(reader_.text(*user.map, "tokenFile", user.path));
    if (endpoint_.token_file.empty()) endpoint_.token = reader_.text(*user.map, "token", user.path);
    endpoint_.certificate_pem = pem(user, "client-certificate");
    endpoint_.key_pem = pem(user, "client-key");
    if (endpoint_.certificate_pem.empty() != endpoint_.key_pem.empty()) {
      reader_.error(user.path, "client-certificate and client-key: give both or neither");
    }
  }

  // `KEY-data` in base64, or the file that `KEY` names, which is then told in `source`.
  std::string pem(const Entry& entry, const std::string& key, std::string* source = nullptr) {
    const std::string data_key = key + "-data";
    const std::string data = reader_.text(*entry.map, data_key.c_str(), entry.path);
    if (!data.empty()) {
      auto decoded = decode_base64(data);
      if (!decoded) reader_.error(entry.path + "." + data_key, "is not base64");
      return decoded.value_or("");
    }
    const std::string file = beside(reader_.text(*entry.map, key.c_str(), entry.path));
    if (file.empty()) return {};
    auto text = read_text_file(file, KubeEndpoint::kMaxFileBytes);
    if (!text) reader_.error(entry.path + "." + key, text.error().message);
    if (source != nullptr) *source = file;
    return text.value_or("");
  }

  // Relative paths are relative to the kubeconfig.
  [[nodiscard]] std::string beside(const std::string& path) const {
    if (path.empty()) return path;
    return (std::filesystem::path(file_).parent_path() / path).string();
  }

  std::string file_;
  json document_;
  DocumentReader reader_;
  KubeEndpoint endpoint_;
};

}  // namespace

Result<KubeEndpoint> in_cluster_endpoint(const std::string& host, const std::string& port,
                                         const std::string& folder) {
  if (host.empty() || port.empty()) {
    return fail(Errc::kBadConfig,
                "no Kubernetes API: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not "
                "set, so this is no pod; give kubeconfig, or pods_file for a machine without a "
                "cluster");
  }
  KubeEndpoint endpoint;
  endpoint.server = fmt::format("https://{}:{}", url_host(host), port);
  endpoint.token_file = folder + "/token";
  endpoint.ca_file = folder + "/ca.crt";
  auto ca = read_text_file(endpoint.ca_file, KubeEndpoint::kMaxFileBytes);
  if (!ca) return fail(ca.error().with_context("the service account's CA"));
  endpoint.ca_pem = std::move(*ca);
  const auto token = read_text_file(endpoint.token_file, KubeEndpoint::kMaxFileBytes);
  if (!token) return fail(token.error().with_context("the service account's token"));
  return endpoint;
}

Result<KubeEndpoint> kubeconfig_endpoint(const std::string& path, const std::string& context) {
  const auto text = read_text_file(path, KubeEndpoint::kMaxFileBytes);
  if (!text) return fail(text.error().with_context("kubeconfig"));
  auto document = parse_document(*text);
  if (!document) return fail(document.error().with_context("kubeconfig " + path));
  if (!document->is_object()) return fail(Errc::kBadConfig, "kubeconfig {}: must be a map", path);
  return Kubeconfig(path, std::move(*document)).endpoint(context);
}

}  // namespace leadline
