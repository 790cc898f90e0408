#include "adapter/review_cache.h"

#include <gtest/gtest.h>

namespace leadline {
namespace {

using std::chrono::milliseconds;

class ReviewCacheTest : public testing::Test {
 protected:
  using Done = std::function<void(Result<int>)>;

  void get(const std::string& key) {
    cache_.get(
        key,
        [this](const Result<int>& answer) {
          got_.push_back(answer ? std::to_string(*answer) : answer.error().message);
        },
        [this, key](Done done) {
          asked_.push_back(key);
          pending_.push_back(std::move(done));
        });
  }

  // The oldest question that is still open.
  void answer(Result<int> with) {
    const Done done = std::move(pending_.front());
    pending_.erase(pending_.begin());
    done(std::move(with));
  }

  SteadyTime now_{std::chrono::hours{1}};
  ReviewCache<int> cache_{milliseconds{10'000}, [this] { return Instant{now_, {}}; }};
  std::vector<std::string> asked_, got_;
  std::vector<Done> pending_;
};

using Texts = std::vector<std::string>;

TEST_F(ReviewCacheTest, SeveralWaitForOneQuestion) {
  get("a");
  get("a");
  get("b");
  get("a");
  EXPECT_EQ(asked_, (Texts{"a", "b"}));
  EXPECT_EQ(got_, Texts{});
  answer(1);
  EXPECT_EQ(got_, (Texts{"1", "1", "1"}));
  answer(2);
  EXPECT_EQ(got_.back(), "2");
}

TEST_F(ReviewCacheTest, AnAnswerIsRememberedForItsTimeAndNoLonger) {
  get("a");
  answer(1);
  now_ += milliseconds{9'999};
  get("a");
  EXPECT_EQ(asked_.size(), 1U);
  EXPECT_EQ(got_, (Texts{"1", "1"}));
  now_ += milliseconds{1};
  get("a");
  EXPECT_EQ(asked_.size(), 2U);
  answer(7);
  get("a");
  EXPECT_EQ(got_, (Texts{"1", "1", "7", "7"}));
}

TEST_F(ReviewCacheTest, AReadDoesNotMakeAnAnswerLastLonger) {
  get("a");
  answer(1);
  for (int i = 0; i < 10; ++i) {
    now_ += milliseconds{1'000};
    get("a");
  }
  EXPECT_EQ(asked_.size(), 2U);
}

TEST_F(ReviewCacheTest, AFailureIsToldToAllAndNotRemembered) {
  get("a");
  get("a");
  answer(fail(Errc::kUnavailable, "no answer"));
  EXPECT_EQ(got_, (Texts{"no answer", "no answer"}));
  EXPECT_EQ(cache_.size(), 0U);
  get("a");
  EXPECT_EQ(asked_.size(), 2U);
}

TEST_F(ReviewCacheTest, AFailureDoesNotUndoWhatIsRemembered) {
  get("a");
  answer(1);
  now_ += milliseconds{10'000};
  get("a");
  answer(fail(Errc::kUnavailable, "no answer"));
  get("a");
  EXPECT_EQ(asked_.size(), 3U) << "too old to be given again";
}

TEST_F(ReviewCacheTest, WhoIsToldMayAskAtOnce) {
  cache_.get("a", [this](const Result<int>&) { get("b"); }, [](const Done& done) { done(1); });
  EXPECT_EQ(asked_, Texts{"b"});
  answer(2);
  EXPECT_EQ(got_, Texts{"2"});
  get("a");
  EXPECT_EQ(got_, (Texts{"2", "1"}));
}

TEST_F(ReviewCacheTest, HoldsAsManyAsItSaysAndForgetsTheOldest) {
  const auto fill = [this](int from, int to) {
    for (int i = from; i < to; ++i) {
      get(std::to_string(i));
      answer(i);
    }
  };
  const int most = static_cast<int>(ReviewCache<int>::kMaxEntries);
  fill(0, most);
  get("0");
  EXPECT_TRUE(pending_.empty());
  fill(most, most + 1);
  EXPECT_EQ(cache_.size(), ReviewCache<int>::kMaxEntries);
  get("0");
  EXPECT_EQ(pending_.size(), 1U) << "the one asked for longest ago left";
  get("1");
  EXPECT_EQ(pending_.size(), 1U);
}

// A stranger who asks for long paths fills bytes sooner than entries: 8 MiB are 900 such.
TEST_F(ReviewCacheTest, HoldsAsManyBytesAsItSays) {
  const std::size_t many = 2 * ReviewCache<int>::kMaxBytes / ReviewCache<int>::kMaxKeyBytes;
  const auto key_of = [](std::size_t i) {
    std::string key = std::to_string(i);
    key.resize(ReviewCache<int>::kMaxKeyBytes, '/');
    return key;
  };
  for (std::size_t i = 0; i < many; ++i) {
    get(key_of(i));
    answer(1);
    ASSERT_LE(cache_.bytes(), ReviewCache<int>::kMaxBytes);
  }
  EXPECT_LT(cache_.size(), many);
  get(key_of(many - 1));
  EXPECT_TRUE(pending_.empty());
  get(key_of(0));
  EXPECT_EQ(pending_.size(), 1U);
}

TEST_F(ReviewCacheTest, WhatIsOverTakesNoRoom) {
  for (const char* key : {"a", "b", "c"}) {
    get(key);
    answer(1);
  }
  now_ += milliseconds{10'000};
  get("d");
  answer(1);
  EXPECT_EQ(cache_.size(), 1U);
  cache_.clear();
  EXPECT_EQ(cache_.bytes(), 0U);
}

TEST_F(ReviewCacheTest, LongQuestionsAreAskedEachTime) {
  const std::string key(ReviewCache<int>::kMaxKeyBytes + 1, 'x');
  get(key);
  answer(1);
  get(key);
  EXPECT_EQ(asked_.size(), 2U);
  answer(2);
  EXPECT_EQ(got_, (Texts{"1", "2"}));
  EXPECT_EQ(cache_.size(), 0U);
}

TEST_F(ReviewCacheTest, ClearForgetsAnswers) {
  get("a");
  answer(1);
  cache_.clear();
  EXPECT_EQ(cache_.size(), 0U);
  get("a");
  EXPECT_EQ(asked_.size(), 2U);
}

}  // namespace
}  // namespace leadline
