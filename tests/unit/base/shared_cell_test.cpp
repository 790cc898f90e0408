#include "base/shared_cell.h"

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

namespace leadline {
namespace {

TEST(SharedCellTest, LoadGivesWhatWasStoredLast) {
  SharedCell<const int> cell(std::make_shared<const int>(1));
  EXPECT_EQ(*cell.load(), 1);
  cell.store(std::make_shared<const int>(2));
  EXPECT_EQ(*cell.load(), 2);
  EXPECT_EQ(cell.load(), cell.load()) << "one thing, not copies of it";
  cell.store(nullptr);
  EXPECT_EQ(cell.load(), nullptr);
}

TEST(SharedCellTest, WhatWasReplacedLivesAsLongAsItsReader) {
  SharedCell<const int> cell(std::make_shared<const int>(1));
  auto reader = cell.load();
  const std::weak_ptr<const int> first = reader;
  cell.store(std::make_shared<const int>(2));
  EXPECT_EQ(*reader, 1);
  reader.reset();
  EXPECT_TRUE(first.expired()) << "the cell keeps it no longer";
}

// Calls `at_end` when it is destroyed.
struct Farewell {
  explicit Farewell(std::function<void()> end) : at_end(std::move(end)) {}
  Farewell(const Farewell&) = delete;
  Farewell& operator=(const Farewell&) = delete;
  ~Farewell() { at_end(); }

  std::function<void()> at_end;
};

// Under the lock this load would wait for itself.
TEST(SharedCellTest, WhatWasReplacedIsDestroyedAfterTheLock) {
  SharedCell<const Farewell> cell(nullptr);
  std::shared_ptr<const Farewell> seen;
  cell.store(std::make_shared<const Farewell>([&] { seen = cell.load(); }));
  const auto next = std::make_shared<const Farewell>([] {});
  cell.store(next);
  EXPECT_EQ(seen, next) << "its successor is there already";
}

struct Twice {
  int once = 0, again = 0;
};

// Whether what `cell` gives, until the last, is whole and never older than what it gave before.
bool reads_forwards(const SharedCell<const Twice>& cell, int last) {
  for (int before = 0; before < last;) {
    const auto now = cell.load();
    if (now->once != now->again || now->once < before) return false;
    before = now->once;
  }
  return true;
}

TEST(SharedCellTest, ReadersOnOtherThreadsSeeWholeThingsInTheirOrder) {
  constexpr int kLast = 20'000;
  SharedCell<const Twice> cell(std::make_shared<const Twice>());
  std::atomic<int> satisfied{0};
  std::array<std::thread, 3> readers;
  for (std::thread& reader : readers) {
    reader = std::thread([&] { satisfied += reads_forwards(cell, kLast) ? 1 : 0; });
  }
  for (int i = 1; i <= kLast; ++i) cell.store(std::make_shared<const Twice>(Twice{i, i}));
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(satisfied, 3);
}

}  // namespace
}  // namespace leadline
