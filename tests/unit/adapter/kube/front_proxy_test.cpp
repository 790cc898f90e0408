#include "adapter/kube/front_proxy.h"

#include <gtest/gtest.h>

namespace leadline {
namespace {

using nlohmann::json;
using Texts = std::vector<std::string>;

json config_map() {
  return {{"data",
           {{"client-ca-file", "CLIENT"},
            {"requestheader-client-ca-file", "PROXY"},
            {"requestheader-allowed-names", R"(["front-proxy-client"])"},
            {"requestheader-username-headers", R"(["X-Remote-User"])"},
            {"requestheader-uid-headers", R"(["X-Remote-Uid"])"},
            {"requestheader-group-headers", R"(["X-Remote-Group"])"},
            {"requestheader-extra-headers-prefix", R"(["X-Remote-Extra-"])"}}}};
}

TEST(FrontProxyTrustTest, ReadsTheConfigMap) {
  const auto trust = front_proxy_trust_from(config_map());
  ASSERT_TRUE(trust);
  EXPECT_EQ(*trust, (FrontProxyTrust{.client_ca_pem = "CLIENT",
                                     .front_proxy_ca_pem = "PROXY",
                                     .allowed_names = {"front-proxy-client"},
                                     .user_headers = {"X-Remote-User"},
                                     .uid_headers = {"X-Remote-Uid"},
                                     .group_headers = {"X-Remote-Group"},
                                     .extra_prefixes = {"X-Remote-Extra-"}}));
}

TEST(FrontProxyTrustTest, OlderClustersHaveNoUidHeaders) {
  json map = config_map();
  map["data"].erase("requestheader-uid-headers");
  map["data"]["requestheader-allowed-names"] = "[]";
  map["data"].erase("client-ca-file");
  const auto trust = front_proxy_trust_from(map);
  ASSERT_TRUE(trust);
  EXPECT_EQ(trust->uid_headers, Texts{});
  EXPECT_EQ(trust->allowed_names, Texts{});
  EXPECT_EQ(trust->client_ca_pem, "");
}

TEST(FrontProxyTrustTest, WithoutTheFrontProxysCaNobodyIsBelieved) {
  for (const json& map : {json(), json::object(), json{{"data", {{"client-ca-file", "CLIENT"}}}},
                          json{{"data", "x"}}, json(json::value_t::discarded)}) {
    const auto trust = front_proxy_trust_from(map);
    ASSERT_FALSE(trust);
    EXPECT_EQ(trust.error().code, Errc::kBadInput);
  }
}

// An unreadable list of allowed names must never be read as an empty one, which is "any".
TEST(FrontProxyTrustTest, AListThatIsNoneIsRefused) {
  for (const char* bad :
       {"front-proxy-client", "[", "{}", "\"a\"", "[1]", "[\"a\", null]", "null"}) {
    json map = config_map();
    map["data"]["requestheader-allowed-names"] = bad;
    const auto trust = front_proxy_trust_from(map);
    ASSERT_FALSE(trust) << bad;
    EXPECT_EQ(trust.error().message, "requestheader-allowed-names is no JSON array of texts");
  }
}

class CallerFromHeadersTest : public testing::Test {
 protected:
  [[nodiscard]] Result<std::optional<Caller>> read(std::vector<HttpHeader> headers) const {
    HttpRequest request;
    request.headers = std::move(headers);
    return caller_from_headers(trust_, request);
  }
  void refused(std::vector<HttpHeader> headers, std::string_view want) const {
    const auto caller = read(std::move(headers));
    ASSERT_FALSE(caller) << want;
    EXPECT_EQ(caller.error().code, Errc::kBadInput);
    EXPECT_EQ(caller.error().message, want);
  }

  FrontProxyTrust trust_ = *front_proxy_trust_from(config_map());
};

TEST_F(CallerFromHeadersTest, ReadsUserUidGroupsAndExtra) {
  const auto caller = read({{"X-Remote-Group", "dev"},
                            {"x-remote-user", "ada"},
                            {"X-Remote-Uid", "42"},
                            {"X-REMOTE-GROUP", "ops"},
                            {"X-Remote-Extra-Scopes", "a"},
                            {"X-Remote-Extra-Scopes", "b"},
                            {"X-Other", "x"}});
  ASSERT_TRUE(caller && *caller);
  EXPECT_EQ((*caller)->user, "ada");
  EXPECT_EQ((*caller)->uid, "42");
  EXPECT_EQ((*caller)->groups, (Texts{"dev", "ops"}));
  EXPECT_EQ((*caller)->extra, (std::map<std::string, Texts>{{"scopes", {"a", "b"}}}));
}

TEST_F(CallerFromHeadersTest, KeysOfExtraAreLoweredThenUnescaped) {
  const auto caller = read({{"X-Remote-User", "ada"},
                            {"X-Remote-Extra-Example.org%2fMixedCase", "Value%2f"},
                            {"x-remote-extra-%41bc", "upper"},
                            {"X-Remote-Extra-", "no key"}});
  ASSERT_TRUE(caller && *caller);
  EXPECT_EQ((*caller)->extra, (std::map<std::string, Texts>{{"example.org/mixedcase", {"Value%2f"}},
                                                            {"Abc", {"upper"}}}));
}

TEST_F(CallerFromHeadersTest, WithoutAUserTheyNameNobody) {
  for (const auto& headers : {std::vector<HttpHeader>{},
                              {{"X-Remote-Group", "system:masters"}},
                              {{"X-Remote-User", ""}, {"X-Remote-Group", "system:masters"}}}) {
    const auto caller = read(headers);
    ASSERT_TRUE(caller);
    EXPECT_EQ(caller->has_value(), false);
  }
}

TEST_F(CallerFromHeadersTest, UidIsIgnoredWhereTheClusterNamesNoHeaderForIt) {
  trust_.uid_headers.clear();
  const auto caller = read({{"X-Remote-User", "ada"}, {"X-Remote-Uid", "42"}});
  ASSERT_TRUE(caller && *caller);
  EXPECT_EQ((*caller)->uid, "");
}

TEST_F(CallerFromHeadersTest, TheFirstHeaderThatHasAUserCounts) {
  trust_.user_headers = {"X-A", "X-B"};
  EXPECT_EQ((**read({{"X-B", "b"}})).user, "b");
  EXPECT_EQ((**read({{"X-B", "b"}, {"X-A", "a"}})).user, "a");
  EXPECT_EQ((**read({{"X-A", ""}, {"X-B", "b"}})).user, "b");
}

TEST_F(CallerFromHeadersTest, WhatIsSaidTwiceIsRefused) {
  refused({{"X-Remote-User", "ada"}, {"x-remote-user", "root"}}, "X-Remote-User is said 2 times");
  refused({{"X-Remote-User", "ada"}, {"X-Remote-User", "ada"}}, "X-Remote-User is said 2 times");
  refused({{"X-Remote-User", "ada"}, {"X-Remote-Uid", "1"}, {"X-Remote-Uid", "2"}},
          "X-Remote-Uid is said 2 times");
}

TEST_F(CallerFromHeadersTest, BadEscapesInKeysAreRefused) {
  for (const char* name : {"X-Remote-Extra-a%", "X-Remote-Extra-a%2", "X-Remote-Extra-%zz",
                           "X-Remote-Extra-%00", "X-Remote-Extra-%0a"})
    refused({{"X-Remote-User", "ada"}, {name, "x"}}, std::string(name) + " is badly escaped");
}

TEST_F(CallerFromHeadersTest, ControlCharactersAndBrokenUtf8AreRefused) {
  const std::string zero("a\0b", 3);
  for (const std::string& bad :
       {zero, std::string("a\tb"), std::string("a\x7f"), std::string("a\nb"),
        std::string("\x1b[0m"), std::string("a\xff"), std::string("\xc3(")}) {
    refused({{"X-Remote-User", bad}}, "X-Remote-User is no text");
    refused({{"X-Remote-User", "ada"}, {"X-Remote-Uid", bad}}, "X-Remote-Uid is no text");
    refused({{"X-Remote-User", "ada"}, {"X-Remote-Group", bad}}, "X-Remote-Group is no text");
    refused({{"X-Remote-User", "ada"}, {"X-Remote-Extra-a", bad}}, "X-Remote-Extra-a is no text");
  }
  EXPECT_EQ((**read({{"X-Remote-User", "Ad\xc3\xa9le Doe"}})).user, "Ad\xc3\xa9le Doe");
}

TEST_F(CallerFromHeadersTest, HundredsOfGroupsKeepTheirOrder) {
  std::vector<HttpHeader> headers = {{"X-Remote-User", "ada"}};
  Texts want;
  for (int i = 0; i < 150; ++i) {
    want.push_back("group-" + std::to_string(i));
    headers.push_back({"X-Remote-Group", want.back()});
  }
  EXPECT_EQ((**read(headers)).groups, want);
}

}  // namespace
}  // namespace leadline
