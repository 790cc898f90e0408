// TokenReview and SubjectAccessReview: what the Kubernetes API is asked, and how its answer reads.
// Pure. Source: kubernetes-metrics-api.md §5.3, §5.4; api/authentication/v1, authorization/v1
// (v1.36).

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "adapter/caller.h"
#include "base/result.h"

namespace leadline {

inline constexpr const char* kTokenReviewPath = "/apis/authentication.k8s.io/v1/tokenreviews";
inline constexpr const char* kAccessReviewPath =
    "/apis/authorization.k8s.io/v1/subjectaccessreviews";

[[nodiscard]] std::string token_review_body(std::string_view token);

[[nodiscard]] std::string access_review_body(const Caller& caller, const AccessRequest& access);

// Under which an answer is remembered: every attribute with its length, so that no two questions
// have the same. Every request needs it, and the body only what is not remembered.
[[nodiscard]] std::string access_key(const Caller& caller, const AccessRequest& access);

// nullopt: the token is nobody's. kBadInput: no TokenReview, or an authenticated one without a
// user.
[[nodiscard]] Result<std::optional<Caller>> caller_from_token_review(std::string_view body);

struct AccessVerdict {
  bool allowed = false;
  std::string reason;  // for people
};

// kBadInput: no SubjectAccessReview. An answer with an evaluation error and no "allowed" is a no.
[[nodiscard]] Result<AccessVerdict> verdict_from_access_review(std::string_view body);

// For ReviewCache.
[[nodiscard]] std::size_t heap_bytes(const std::optional<Caller>& caller);
[[nodiscard]] std::size_t heap_bytes(const AccessVerdict& verdict);

}  // namespace leadline
