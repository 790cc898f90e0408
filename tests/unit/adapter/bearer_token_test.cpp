#include "adapter/bearer_token.h"

#include <gtest/gtest.h>

namespace leadline {
namespace {

std::string read(const std::vector<std::string>& values) {
  HttpRequest request;
  for (const std::string& value : values) request.headers.push_back({"authorization", value});
  const ShownToken shown = shown_token(request);
  if (shown.kind == ShownToken::kNone) return "none";
  return shown.kind == ShownToken::kOne ? "one " + shown.text : "unreadable";
}

TEST(BearerTokenTest, ReadsOneTokenOrSaysWhyThereIsNone) {
  EXPECT_EQ(read({}), "none");
  EXPECT_EQ(read({"Bearer abc.def"}), "one abc.def");
  EXPECT_EQ(read({"bEARER   abc"}), "one abc");
  EXPECT_EQ(read({"Bearer"}), "unreadable");
  EXPECT_EQ(read({"Bearer "}), "unreadable");
  EXPECT_EQ(read({"Bearer    "}), "unreadable");
  EXPECT_EQ(read({"Basic YTpi"}), "unreadable");
  EXPECT_EQ(read({""}), "unreadable");
  EXPECT_EQ(read({"Bearerabc"}), "unreadable");
  EXPECT_EQ(read({"Bearer a", "Bearer a"}), "unreadable");
  EXPECT_EQ(read({"Bearer a", "Basic b"}), "unreadable");
}

}  // namespace
}  // namespace leadline
