#include "adapter/base64.h"

#include <gtest/gtest.h>

namespace leadline {
namespace {

// The vectors of RFC 4648 §10.
TEST(Base64Test, EncodesAndDecodesWhatTheStandardGives) {
  const auto f = [](std::string_view bytes, std::string_view text) {
    SCOPED_TRACE(bytes);
    EXPECT_EQ(encode_base64(bytes), text);
    EXPECT_EQ(decode_base64(text), bytes);
  };
  f("", "");
  f("f", "Zg==");
  f("fo", "Zm8=");
  f("foo", "Zm9v");
  f("foob", "Zm9vYg==");
  f("fooba", "Zm9vYmE=");
  f("foobar", "Zm9vYmFy");
}

TEST(Base64Test, EveryByteComesBack) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  for (std::size_t length = 0; length <= all.size(); ++length)
    EXPECT_EQ(decode_base64(encode_base64(all.substr(0, length))), all.substr(0, length));
}

TEST(Base64Test, LineBreaksAreSkippedAndNothingElseIs) {
  EXPECT_EQ(decode_base64("Zm9v\nYmFy\r\n"), "foobar");
  for (const char* bad : {"Zm9", "Z", "Zm9v YmFy", "Zm9v====", "====", "Zg==Zg==", "Z===", "Zm-_",
                          "Zm9v\tYmFy", "=Zm9", "Zm=v", "\xff\xff\xff\xff"}) {
    EXPECT_EQ(decode_base64(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace leadline
