// StubKube is a Kubernetes API server as far as the adapter can tell: lists in pages, watches,
// reviews, single objects. A thread a connection, blocking, with TLS or without, so that a test can
// make every answer late, broken or cut off. Every method from any thread.
//
// Versions count up from 100 over all collections. A collection is named by its path,
// `/api/v1/pods`; its objects by `namespace/name` for what has a namespace, unless the path says
// it.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "daemon/http.h"
#include "daemon/tls_key_pair.h"

namespace leadline::test {

struct StubRequest {
  std::string method;
  std::string path;  // without its query
  std::map<std::string, std::string> query;
  std::vector<HttpHeader> headers;
  std::string body;
  std::string client_name;  // of the certificate that the client showed

  [[nodiscard]] std::string header(std::string_view name) const {
    return std::string(first_header(headers, name));
  }
  [[nodiscard]] bool is_watch() const { return query.contains("watch"); }
};

struct StubReply {
  int status = 200;
  std::string body = "{}";
  std::vector<HttpHeader> headers;
};

class StubKube {
 public:
  // `port` 0: a free one. Without `tls` it is plain HTTP.
  explicit StubKube(std::optional<KeyPair> tls = {}, std::uint16_t port = 0);
  ~StubKube();
  StubKube(const StubKube&) = delete;
  StubKube& operator=(const StubKube&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::string url() const;

  // Creates or replaces; whoever watches is told.
  void put(const std::string& collection, nlohmann::json object);
  void remove(const std::string& collection, const std::string& key);
  [[nodiscard]] std::optional<nlohmann::json> object(const std::string& collection,
                                                     const std::string& key) const;

  // What the watches of a collection are sent that are open now: any text, its line break included.
  void emit(const std::string& collection, const std::string& text);
  // A bookmark of a new version, which it returns.
  std::string bookmark(const std::string& collection);
  void end_watches();  // as their time was up
  void cut_watches();  // without a word
  [[nodiscard]] int open_watches(const std::string& collection) const;

  // Asked before anything else; nullopt: as always.
  using Script = std::function<std::optional<StubReply>(const StubRequest&)>;
  void set_script(Script script);

  // From now on requests whose path begins so are not answered; empty: all are, the late ones too.
  void hang(const std::string& path_prefix);

  // TokenReview: `user` is the review's `status.user`.
  void know_token(const std::string& token, nlohmann::json user);
  // SubjectAccessReview: by its spec; everything is allowed until somebody says otherwise.
  void set_access(std::function<bool(const nlohmann::json& spec)> allowed);
  [[nodiscard]] std::vector<nlohmann::json> access_reviews() const;  // their specs

  [[nodiscard]] std::vector<StubRequest> requests() const;
  [[nodiscard]] std::size_t count(const std::string& method, const std::string& path) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

inline const std::string kPodsPath = "/api/v1/pods";
inline const std::string kServicesPath = "/api/v1/services";
inline const std::string kNodesPath = "/api/v1/nodes";
inline const std::string kConfigMapsPath = "/api/v1/namespaces/kube-system/configmaps";
inline const std::string kApiServicesPath = "/apis/apiregistration.k8s.io/v1/apiservices";

}  // namespace leadline::test
