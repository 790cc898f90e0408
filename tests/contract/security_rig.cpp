#include "tests/contract/security_rig.h"

#include <utility>

namespace leadline::test {

SecurityTest::SecurityTest() {
  kube_.set_access([](const nlohmann::json&) { return true; });
}

ApiAddress SecurityTest::address_for(const KeyPair& certificate) const {
  ApiAddress whom = address();
  whom.token.clear();
  whom.own = certificate;
  return whom;
}

ApiReply SecurityTest::with(const KeyPair& certificate, const std::string& path,
                            std::vector<HttpHeader> headers) const {
  return ApiCaller(address_for(certificate))
      .last_call({.path = path, .headers = std::move(headers), .with_token = false});
}

ApiReply SecurityTest::nothing_shown(const std::string& path,
                                     std::vector<HttpHeader> headers) const {
  return with({}, path, std::move(headers));
}

ApiReply SecurityTest::with_token(const std::string& token, const std::string& path) const {
  return with({}, path, {{"Authorization", "Bearer " + token}});
}

ApiReply SecurityTest::as(const std::string& user, const std::string& path,
                          std::vector<HttpHeader> headers) const {
  headers.push_back({"X-Remote-User", user});
  return with(front_proxy_, path, std::move(headers));
}

}  // namespace leadline::test
