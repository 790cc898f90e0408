// Replays inputs without libFuzzer: `NAME_replay FILE-OR-FOLDER…`. What the tests run over the kept
// corpora, and how a reproducer is looked at in a debugger. Fails where there is nothing to replay.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz.h"
#include "tests/text_of.h"

namespace {

namespace fs = std::filesystem;

// Sorted, so that every run is the same.
std::vector<fs::path> files_of(const fs::path& path) {
  if (!fs::is_directory(path)) return {path};
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(path)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

void replay(const fs::path& file) {
  const std::string text = leadline::text_of(file.string());
  // A string ends in a readable NUL; this block does not.
  const auto block = std::make_unique<char[]>(text.size());
  std::copy(text.begin(), text.end(), block.get());
  leadline::fuzz::check_input({block.get(), text.size()});
}

}  // namespace

int main(int count, char** arguments) {
  int replayed = 0;
  for (int i = 1; i < count; ++i) {
    for (const fs::path& file : files_of(arguments[i])) {
      std::fprintf(stderr, "%s\n", file.c_str());  // the last one is the culprit
      replay(file);
      ++replayed;
    }
  }
  std::fprintf(stderr, "%d inputs replayed\n", replayed);
  return replayed > 0 ? 0 : 1;
}
