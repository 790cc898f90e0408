// SecurityTest is the real leadline-adapter in front of a stub Kubernetes API, TLS on both sides:
// pods, trust and reviews come from the stub, callers show certificates and tokens. The fleet is
// ContractTest's.

#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "demo/child_process.h"
#include "tests/contract/contract_rig.h"
#include "tests/unit/adapter/kube/certificates.h"
#include "tests/unit/adapter/kube/stub_kube.h"

namespace leadline::test {

inline const std::string kServedName = "adapter.default.svc";

class SecurityTest : public ContractTest {
 protected:
  SecurityTest();

  // Starts the adapter and waits until it is ready and has heard all pods.
  void start(std::vector<std::string> flags = {});

  // What is shown, and the answer to it, on a connection of its own.
  [[nodiscard]] ApiReply nothing_shown(const std::string& path,
                                       std::vector<HttpHeader> headers = {}) const;
  [[nodiscard]] ApiReply with_token(const std::string& token, const std::string& path) const;
  [[nodiscard]] ApiReply with(const KeyPair& certificate, const std::string& path,
                              std::vector<HttpHeader> headers = {}) const;
  // As kube-apiserver's aggregator, for this user.
  [[nodiscard]] ApiReply as(const std::string& user, const std::string& path,
                            std::vector<HttpHeader> headers = {}) const;

  [[nodiscard]] ApiAddress address_for(const KeyPair& certificate = {}) const;
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string log() const;
  [[nodiscard]] ApiReply ask_self(const std::string& path) const;

  // The ConfigMap that says whom to believe.
  void write_trust(const std::string& front_proxy_ca, const std::string& allowed_names);

  // The spec of the latest SubjectAccessReview that was asked while `work` ran; null for none.
  template <typename Work>
  nlohmann::json asked_by(Work work) {
    const std::size_t before = kube_.access_reviews().size();
    work();
    const auto asked = kube_.access_reviews();
    return asked.size() == before ? nlohmann::json() : asked.back();
  }

  KeyPair kube_ca_, front_proxy_ca_ = root_authority("front-proxy-ca"),
                    client_ca_ = root_authority("client-ca");
  KeyPair front_proxy_ = make_certificate(&front_proxy_ca_, {});
  StubKube kube_;
  std::string trusted_pem_;  // empty: what the adapter keeps in its Secret

 private:
  [[nodiscard]] bool is_ready() const;
  void write_kubeconfig();

  ChildProcess child_ = ChildProcess::none();
  std::uint16_t port_ = 0, metrics_port_ = 0;
};

}  // namespace leadline::test
