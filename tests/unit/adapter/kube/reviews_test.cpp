#include "adapter/kube/reviews.h"

#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace leadline {
namespace {

using nlohmann::json;

const Caller kAda{.user = "ada",
                  .uid = "42",
                  .groups = {"dev", "system:authenticated"},
                  .extra = {{"example.org/scopes", {"a", "b"}}}};

AccessRequest access(const char* verb, const char* group) {
  AccessRequest wanted;
  wanted.verb = verb;
  wanted.group = group;
  return wanted;
}

TEST(AccessReviewBodyTest, HoldsEveryAttributeOfAResource) {
  AccessRequest wanted = access("get", "custom.metrics.k8s.io");
  wanted.version = "v1beta2";
  wanted.resource = "pods";
  wanted.subresource = "queue_depth";
  wanted.name = "*";
  wanted.namespace_name = "ns";
  EXPECT_EQ(json::parse(access_review_body(kAda, wanted)), json::parse(R"({
    "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
    "spec": {
      "resourceAttributes": {"namespace": "ns", "verb": "get", "group": "custom.metrics.k8s.io",
        "version": "v1beta2", "resource": "pods", "subresource": "queue_depth", "name": "*"},
      "user": "ada", "uid": "42", "groups": ["dev", "system:authenticated"],
      "extra": {"example.org/scopes": ["a", "b"]}}})"));
}

TEST(AccessReviewBodyTest, LeavesOutWhatIsEmpty) {
  AccessRequest wanted = access("list", "external.metrics.k8s.io");
  wanted.version = "v1beta1";
  wanted.resource = "queue_depth";
  const Caller nobody = anonymous_caller();
  EXPECT_EQ(json::parse(access_review_body(nobody, wanted))["spec"], json::parse(R"({
    "resourceAttributes": {"verb": "list", "group": "external.metrics.k8s.io",
      "version": "v1beta1", "resource": "queue_depth"},
    "user": "system:anonymous", "groups": ["system:unauthenticated"]})"));
}

TEST(AccessReviewBodyTest, APathIsNoResource) {
  AccessRequest wanted = access("get", "");
  wanted.path = "/openapi/v2";
  EXPECT_EQ(json::parse(access_review_body(kAda, wanted))["spec"]["nonResourceAttributes"],
            json::parse(R"({"path": "/openapi/v2", "verb": "get"})"));
  EXPECT_FALSE(
      json::parse(access_review_body(kAda, wanted))["spec"].contains("resourceAttributes"));
}

// Two questions must never look alike.
TEST(AccessKeyTest, DifferentQuestionsHaveDifferentKeys) {
  std::set<std::string> keys;
  std::size_t asked = 0;
  const auto ask = [&](const Caller& caller, const AccessRequest& wanted) {
    keys.insert(access_key(caller, wanted));
    EXPECT_EQ(keys.size(), ++asked);
  };
  ask(kAda, {});
  for (std::string Caller::* field : {&Caller::user, &Caller::uid}) {
    Caller other = kAda;
    (other.*field).clear();
    ask(other, {});
    other.*field = "other";
    ask(other, {});
  }
  for (std::string AccessRequest::* field :
       {&AccessRequest::verb, &AccessRequest::group, &AccessRequest::version,
        &AccessRequest::resource, &AccessRequest::subresource, &AccessRequest::name,
        &AccessRequest::namespace_name, &AccessRequest::path}) {
    AccessRequest wanted;
    wanted.*field = "x";
    ask(kAda, wanted);
  }
  for (const auto& groups : std::vector<std::vector<std::string>>{
           {}, {""}, {"dev"}, {"devsystem:authenticated"}, {"system:authenticated", "dev"}}) {
    Caller other = kAda;
    other.groups = groups;
    ask(other, {});
  }
  for (const auto& extra : std::vector<std::map<std::string, std::vector<std::string>>>{
           {},
           {{"example.org/scopes", {}}},
           {{"example.org/scopes", {"ab"}}},
           {{"a", {"b"}}},
           {{"ab", {}}}}) {
    Caller other = kAda;
    other.extra = extra;
    ask(other, {});
  }
}

// What ends one list must not look like the begin of the next.
TEST(AccessKeyTest, WhatMovesFromOneFieldToTheNextIsSeen) {
  const auto key = [](std::vector<std::string> groups, const std::string& uid) {
    return access_key({.user = "u", .uid = uid, .groups = std::move(groups), .extra = {}}, {});
  };
  EXPECT_NE(key({"a", "b"}, ""), key({"ab"}, ""));
  EXPECT_NE(key({"a"}, "b"), key({"b"}, "a"));
  EXPECT_NE(key({"1:a"}, ""), key({"a"}, ""));
  EXPECT_NE(key({std::string("\0a", 2)}, ""), key({"", "a"}, ""));
}

TEST(AccessKeyTest, TheSameQuestionHasTheSameKey) {
  EXPECT_EQ(access_key(kAda, access("get", "g")), access_key(Caller(kAda), access("get", "g")));
}

TEST(TokenReviewBodyTest, AsksForTheToken) {
  EXPECT_EQ(json::parse(token_review_body("a\"b")),
            json::parse(R"({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
                            "spec": {"token": "a\"b"}})"));
}

std::string read_token(std::string_view body) {
  const auto caller = caller_from_token_review(body);
  if (!caller) return caller.error().message;
  return *caller ? (*caller)->user : "nobody";
}

TEST(TokenReviewTest, ReadsTheUser) {
  const auto caller = caller_from_token_review(R"({"status": {"authenticated": true, "user": {
      "username": "ada", "uid": "42", "groups": ["dev", "ops"],
      "extra": {"scopes": ["a", "b"], "odd": "text"}}}})");
  ASSERT_TRUE(caller && *caller);
  EXPECT_EQ((*caller)->user, "ada");
  EXPECT_EQ((*caller)->uid, "42");
  EXPECT_EQ((*caller)->groups, (std::vector<std::string>{"dev", "ops"}));
  EXPECT_EQ((*caller)->extra,
            (std::map<std::string, std::vector<std::string>>{{"scopes", {"a", "b"}}, {"odd", {}}}));
}

TEST(TokenReviewTest, WhatIsNotAuthenticatedIsNobody) {
  EXPECT_EQ(read_token(R"({"status": {}})"), "nobody");
  EXPECT_EQ(read_token(R"({"status": {"authenticated": false, "user": {"username": "ada"}}})"),
            "nobody");
  for (const char* value : {"\"true\"", "1", "null", "[true]"}) {
    EXPECT_EQ(
        read_token(std::string(R"({"status": {"user": {"username": "a"}, "authenticated": )") +
                   value + "}}"),
        "nobody");
  }
}

TEST(TokenReviewTest, GarbageIsAFailure) {
  for (const char* bad :
       {"", "x", "{", "[]", "{}", R"({"status": 5})", R"({"status": null})", "\xff"})
    EXPECT_EQ(read_token(bad), "the answer is no TokenReview") << bad;
  EXPECT_EQ(read_token(R"({"status": {"authenticated": true}})"), "the TokenReview names no user");
  EXPECT_EQ(read_token(R"({"status": {"authenticated": true, "user": {"username": 5}}})"),
            "the TokenReview names no user");
}

std::string read_access(std::string_view body) {
  const auto verdict = verdict_from_access_review(body);
  if (!verdict) return verdict.error().message;
  return (verdict->allowed ? "yes" : "no") + verdict->reason;
}

TEST(AccessReviewTest, OnlyTrueIsYes) {
  EXPECT_EQ(read_access(R"({"status": {"allowed": true}})"), "yes");
  EXPECT_EQ(read_access(R"({"status": {"allowed": false, "reason": " why"}})"), "no why");
  EXPECT_EQ(read_access(R"({"status": {}})"), "no");
  EXPECT_EQ(read_access(R"({"status": {"evaluationError": "x"}})"), "no");
  EXPECT_EQ(read_access(R"({"status": {"allowed": "true"}})"), "no");
  EXPECT_EQ(read_access(R"({"status": {"allowed": true, "denied": true}})"), "no");
  EXPECT_EQ(read_access(R"({"status": {"allowed": true, "denied": false}})"), "yes");
}

TEST(AccessReviewTest, GarbageIsAFailure) {
  for (const char* bad : {"", "x", "{", "[]", "{}", R"({"status": true})", "\xff"})
    EXPECT_EQ(read_access(bad), "the answer is no SubjectAccessReview") << bad;
}

}  // namespace
}  // namespace leadline
