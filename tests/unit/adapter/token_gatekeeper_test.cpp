#include "adapter/token_gatekeeper.h"

#include <gtest/gtest.h>

namespace leadline {
namespace {

std::string identified(const std::vector<std::string>& values) {
  TokenGatekeeper gatekeeper("sesame");
  HttpRequest request;
  for (const std::string& value : values) request.headers.push_back({"Authorization", value});
  std::string who;
  gatekeeper.identify(request, [&](const ApiResult<Caller>& caller) {
    who = caller ? caller->user : std::to_string(caller.error().http_status);
  });
  return who;
}

TEST(TokenGatekeeperTest, KnowsOneTokenAndNobodyElse) {
  EXPECT_EQ(identified({"Bearer sesame"}), "leadline:token");
  EXPECT_EQ(identified({}), "system:anonymous");
  for (const char* wrong : {"Bearer sesam", "Bearer sesamee", "Bearer Sesame", "Basic sesame",
                            "Bearer", "Bearer sesame x", "sesame"})
    EXPECT_EQ(identified({wrong}), "401") << wrong;
  EXPECT_EQ(identified({"Bearer sesame", "Bearer sesame"}), "401");
}

TEST(TokenGatekeeperTest, AnonymousMayReadNothing) {
  TokenGatekeeper gatekeeper("sesame");
  const AccessRequest access{.verb = "get",
                             .group = "custom.metrics.k8s.io",
                             .version = "v1beta1",
                             .resource = "pods",
                             .subresource = "queue_depth",
                             .name = "*",
                             .namespace_name = "ns",
                             .path = {}};
  std::optional<ApiError> refusal;
  gatekeeper.authorise(anonymous_caller(), access,
                       [&](std::optional<ApiError> error) { refusal = std::move(error); });
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->http_status, 403);
  EXPECT_EQ(refusal->message,
            "User \"system:anonymous\" cannot get resource \"pods/queue_depth\" in API group "
            "\"custom.metrics.k8s.io\" in the namespace \"ns\"");
}

TEST(AccessDeniedTest, SaysItInKubernetesWords) {
  const Caller ada{.user = "ada", .uid = {}, .groups = {}, .extra = {}};
  AccessRequest access{.verb = "list",
                       .group = "external.metrics.k8s.io",
                       .version = "v1beta1",
                       .resource = "queue_depth",
                       .subresource = {},
                       .name = {},
                       .namespace_name = {},
                       .path = {}};
  EXPECT_EQ(access_denied(ada, access, "no role").message,
            "User \"ada\" cannot list resource \"queue_depth\" in API group "
            "\"external.metrics.k8s.io\" at the cluster scope: no role");
  access = {};
  access.verb = "get";
  access.path = "/apis";
  EXPECT_EQ(access_denied(ada, access).message, "User \"ada\" cannot get path \"/apis\"");
}

}  // namespace
}  // namespace leadline
