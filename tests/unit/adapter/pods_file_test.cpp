#include "adapter/pods_file.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "adapter/self_metrics.h"
#include "tests/unit/adapter/fake_sidecar.h"

namespace leadline {
namespace {

class PodsFileTest : public testing::Test {
 protected:
  PodsFileTest() {
    std::string name = std::filesystem::temp_directory_path() / "pods-file-test-XXXXXX";
    folder_ = mkdtemp(name.data());
    path_ = folder_ / "pods.yaml";
  }

 public:
  ~PodsFileTest() override {
    thread_.call([this] { file_.reset(); });
    std::filesystem::remove_all(folder_);
  }

 protected:
  void replace(const std::string& text) const {
    std::ofstream(folder_ / "new") << text;
    std::filesystem::rename(folder_ / "new", path_);
  }

  void start() {
    thread_.call([this] {
      file_ = std::make_unique<PodsFile>(thread_.loop(), path_, metrics_);
      file_->start([this](std::shared_ptr<const PodList> list) { list_ = std::move(list); });
    });
  }

  bool eventually_pods(std::size_t count) {
    return test::eventually(thread_, [&] { return list_ && list_->pods.size() == count; });
  }

  bool eventually_refused(int count) {
    const std::string line =
        fmt::format("leadline_adapter_pod_lists_total{{result=\"refused\"}} {}", count);
    return test::eventually(thread_,
                            [&] { return metrics_.text({}).find(line) != std::string::npos; });
  }

  std::filesystem::path folder_, path_;
  SelfMetrics metrics_;
  test::LoopThread thread_;
  std::unique_ptr<PodsFile> file_;
  std::shared_ptr<const PodList> list_;
};

TEST_F(PodsFileTest, AReplacedFileIsReadAgain) {
  replace("pods: [{namespace: ns, name: a}]");
  start();
  EXPECT_TRUE(eventually_pods(1));
  replace("pods: [{namespace: ns, name: a}, {namespace: ns, name: b}]");
  EXPECT_TRUE(eventually_pods(2));
}

TEST_F(PodsFileTest, ABadListIsCountedAndTheLastGoodOneStays) {
  replace("pods: [{namespace: ns, name: a}]");
  start();
  ASSERT_TRUE(eventually_pods(1));
  replace("pods: [{namespace: ns, name: a}, {namespace: ns, name: a}]");
  EXPECT_TRUE(eventually_refused(1));
  EXPECT_EQ(list_->pods.size(), 1U);
  replace("pods: []");
  EXPECT_TRUE(eventually_pods(0));
}

TEST_F(PodsFileTest, AFileThatIsGoneChangesNothing) {
  replace("pods: [{namespace: ns, name: a}]");
  start();
  ASSERT_TRUE(eventually_pods(1));
  std::filesystem::remove(path_);
  EXPECT_TRUE(eventually_refused(1));
  EXPECT_EQ(list_->pods.size(), 1U);
}

TEST_F(PodsFileTest, ReadingSaysWhichFile) {
  const auto missing = read_pods_file(path_);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Errc::kNotFound);
  EXPECT_NE(missing.error().message.find(path_), std::string::npos);
  replace("pods: 3");
  EXPECT_EQ(read_pods_file(path_).error().code, Errc::kBadInput);
}

}  // namespace
}  // namespace leadline
