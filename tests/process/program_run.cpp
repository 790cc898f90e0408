#include "tests/process/program_run.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>

#include "demo/adapter_process.h"
#include "demo/work_folder.h"
#include "tests/process/rig.h"
#include "tests/text_of.h"

namespace leadline {
namespace {

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

pid_t start(std::vector<std::string> command, std::vector<std::string> environment,
            const std::string& log) {
  for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  pid_t pid = -1;
  const int failed = ::posix_spawn(&pid, command.front().c_str(), &actions, nullptr,
                                   pointers_to(command).data(), pointers_to(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::runtime_error("cannot start " + command.front());
  return pid;
}

}  // namespace

ProgramRun run_program(const std::string& name, const std::vector<std::string>& arguments,
                       const std::vector<std::string>& environment, std::chrono::seconds patience) {
  const auto folder = WorkFolder::make();
  if (!folder) throw std::runtime_error(folder.error().message);
  std::vector<std::string> command = {program_folder() + "/" + name};
  command.insert(command.end(), arguments.begin(), arguments.end());
  const pid_t pid = start(std::move(command), environment, folder->file("output"));

  int status = 0;
  const bool ended =
      Rig::eventually([&] { return ::waitpid(pid, &status, WNOHANG) == pid; }, patience);
  if (!ended) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, &status, 0);
  }
  return {.exit_code = ended && WIFEXITED(status) ? WEXITSTATUS(status) : -1,
          .output = text_of(folder->file("output"))};
}

}  // namespace leadline
