#include "demo/log_tail.h"

#include <gtest/gtest.h>

#include <fstream>

#include "demo/work_folder.h"

namespace leadline {
namespace {

TEST(LogTailTest, GivesEachLineOnceAndNoneBeforeItsEnd) {
  const auto folder = WorkFolder::make();
  ASSERT_TRUE(folder);
  LogTail tail(folder->file("log"));
  const auto f = [&](const char* added, const std::vector<std::string>& want) {
    SCOPED_TRACE(added);
    std::ofstream(folder->file("log"), std::ios::app) << added;
    EXPECT_EQ(tail.new_lines(), want);
  };
  EXPECT_EQ(tail.new_lines(), std::vector<std::string>{}) << "there is no file yet";
  f("", {});
  f("one\ntwo\nthr", {"one", "two"});
  f("", {});
  f("ee\n\n", {"three", ""});
  f("", {});
}

}  // namespace
}  // namespace leadline
