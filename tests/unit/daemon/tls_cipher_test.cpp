#include "daemon/tls_cipher.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "daemon/tls_key_pair.h"

namespace leadline::test {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;

class TlsCipherTest : public testing::Test {
 public:
  ~TlsCipherTest() override { fs::remove_all(folder_); }

 protected:
  std::string file(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }

  [[nodiscard]] std::string refusal(const TlsClientFiles& files) {
    const auto cipher = tls_cipher(files, "redis.jobs");
    return cipher ? "" : cipher.error().message;
  }

  static fs::path make_folder() {
    std::string name = fs::temp_directory_path() / "leadline-cipher-XXXXXX";
    return mkdtemp(name.data());
  }

  const fs::path folder_ = make_folder();
  const KeyPair authority_ = *make_authority("a", system_now().wall, hours{48});
  const KeyPair own_ = *issue_certificate(authority_, {"leadline"}, system_now().wall, hours{48});
};

TEST_F(TlsCipherTest, AFileThatIsNoneIsNamed) {
  const std::string ca = file("ca", authority_.certificate_pem);
  const std::string certificate = file("crt", own_.certificate_pem);
  const std::string key = file("key", own_.key_pem);
  EXPECT_EQ(refusal({ca, certificate, key}), "");
  EXPECT_EQ(refusal({ca, "", ""}), "");
  const std::string missing = folder_ / "none";
  EXPECT_EQ(refusal({missing, "", ""}), "authorities " + missing + ": No such file or directory");
  EXPECT_EQ(refusal({ca, missing, key}).find("certificate " + missing), 0U);
  EXPECT_EQ(refusal({ca, certificate, missing}).find("key " + missing), 0U);
  EXPECT_EQ(refusal({file("text", "no PEM"), "", ""}).find("authorities "), 0U);
  EXPECT_EQ(refusal({ca, certificate, file("other", authority_.key_pem)}).find("key "), 0U);
}

// The first flight asks for the server by name, where it is one: an address may not stand there.
TEST_F(TlsCipherTest, AServerIsToldItsName) {
  const TlsClientFiles files{file("ca", authority_.certificate_pem), "", ""};
  for (const bool named : {true, false}) {
    auto cipher = tls_cipher(files, named ? "redis.jobs" : "127.0.0.1").value();
    EXPECT_EQ(cipher->handshake(), StreamCipher::Step::kWantsInput);
    EXPECT_EQ(cipher->output().find("redis.jobs") != std::string::npos, named);
    EXPECT_EQ(cipher->output().find("127.0.0.1"), std::string::npos);
    cipher->input() = "-ERR no TLS here\r\n";
    EXPECT_EQ(cipher->handshake(), StreamCipher::Step::kFailed);
    EXPECT_EQ(cipher->problem(), "wrong version number");
  }
}

}  // namespace
}  // namespace leadline::test
