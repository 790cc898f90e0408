#include "adapter/kube/reviews.h"

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

// The body is also the key of the answer: two questions must never look alike.
TEST(AccessReviewBodyTest, DifferentQuestionsHaveDifferentBodies) {
  Caller other = kAda;
  const AccessRequest wanted = access("get", "g");
  const std::string body = access_review_body(kAda, wanted);
  other.groups = {"dev,system:authenticated"};
  EXPECT_NE(access_review_body(other, wanted), body);
  other = kAda;
  other.extra["example.org/scopes"] = {"a\",\"b"};
  EXPECT_NE(access_review_body(other, wanted), body);
  other = kAda;
  other.uid.clear();
  EXPECT_NE(access_review_body(other, wanted), body);
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
