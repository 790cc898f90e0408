#include "daemon/text_file.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "daemon/file_version.h"

namespace leadline {
namespace {

namespace fs = std::filesystem;

class TextFileTest : public testing::Test {
 protected:
  TextFileTest() {
    std::string name = fs::temp_directory_path() / "text-file-test-XXXXXX";
    folder_ = mkdtemp(name.data());
  }

 public:
  ~TextFileTest() override { fs::remove_all(folder_); }

 protected:
  std::string write(const std::string& text, const char* name = "a") const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return folder_ / name;
  }

  fs::path folder_;
};

TEST_F(TextFileTest, ReadsUpToItsLimit) {
  const std::string text("a\0b\r\n\xff", 6);
  EXPECT_EQ(read_text_file(write(text), 6), text);
  EXPECT_EQ(read_text_file(write(""), 6), "");
  const auto over = read_text_file(write(text), 5);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().message, (folder_ / "a").string() + ": over 5 bytes");
}

TEST_F(TextFileTest, WhatCannotBeReadIsAnError) {
  for (const std::string& path : {(folder_ / "none").string(), folder_.string(), std::string()}) {
    const auto none = read_text_file(path, 10);
    ASSERT_FALSE(none) << path;
    EXPECT_EQ(none.error().code, Errc::kBadConfig);
    EXPECT_EQ(none.error().message, "cannot read " + path);
  }
}

TEST_F(TextFileTest, AVersionChangesWithTheFile) {
  const FileVersion none = file_version(folder_ / "a");
  EXPECT_EQ(none, FileVersion{});
  const FileVersion first = file_version(write("one"));
  EXPECT_NE(first, none);
  EXPECT_EQ(file_version(folder_ / "a"), first);
  EXPECT_NE(file_version(write("three")), first);
}

// How kubelets replace what they mount: by a link to another folder.
TEST_F(TextFileTest, AVersionChangesWithALink) {
  fs::create_directory(folder_ / "1");
  fs::create_directory(folder_ / "2");
  write("same", "1/a");
  write("same", "2/a");
  fs::last_write_time(folder_ / "2/a", fs::last_write_time(folder_ / "1/a"));
  fs::create_directory_symlink("1", folder_ / "data");
  const FileVersion first = file_version(folder_ / "data/a");
  fs::create_directory_symlink("2", folder_ / "next");
  fs::rename(folder_ / "next", folder_ / "data");
  EXPECT_NE(file_version(folder_ / "data/a"), first);
}

}  // namespace
}  // namespace leadline
