#include "daemon/http.h"

#include <gtest/gtest.h>

namespace leadline {

namespace {

TEST(HttpTest, FindsHeadersWithoutRegardToCase) {
  const std::vector<HttpHeader> headers{{"X-Group", "a"}, {"Host", "h"}, {"x-group", ""}};
  EXPECT_EQ(header_values(headers, "X-GROUP"), (std::vector<std::string>{"a", ""}));
  EXPECT_EQ(first_header(headers, "host"), "h");
  EXPECT_EQ(first_header(headers, "hos"), "");
  EXPECT_EQ(header_values(headers, "none"), std::vector<std::string>{});
}

TEST(HttpTest, NamesStatuses) {
  EXPECT_EQ(reason_phrase(404), "Not Found");
  EXPECT_EQ(reason_phrase(799), "Unknown");
}

TEST(HttpTest, MakesAResponse) {
  const HttpResponse response = make_response(404, "text/plain", "no");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.content_type, "text/plain");
  EXPECT_EQ(*response.body, "no");
}

}  // namespace

}  // namespace leadline
