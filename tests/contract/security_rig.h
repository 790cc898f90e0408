// SecurityTest is ContractTest whose callers show what they like: certificates, tokens, nothing.
// Everybody may do everything until a check says otherwise.

#pragma once

#include <string>
#include <vector>

#include "tests/contract/contract_rig.h"

namespace leadline::test {

class SecurityTest : public ContractTest {
 protected:
  SecurityTest();

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

  // The spec of the latest SubjectAccessReview that was asked while `work` ran; null for none.
  template <typename Work>
  nlohmann::json asked_by(Work work) {
    const std::size_t before = kube_.access_reviews().size();
    work();
    const auto asked = kube_.access_reviews();
    return asked.size() == before ? nlohmann::json() : asked.back();
  }

  KeyPair front_proxy_ = make_certificate(&front_proxy_ca_, {});
};

}  // namespace leadline::test
