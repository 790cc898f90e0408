// What the Asio-speaking files of daemon/ share: the loop behind EventLoop, and short names for the
// coroutine types. Internal: only event_loop, http_*, stream_connection and tls_transport
// include it, because each file that does costs many seconds to compile.
//
// Never await in the condition of an `if` or a `while`: g++ 12 lays such a coroutine's frame out
// wrongly (its resume pointer is not first) and the program jumps into nowhere. Name the value
// first.
//
// Every type names the concrete executor instead of any_io_executor: no type erasure per operation.

#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <unordered_map>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "daemon/event_loop.h"

namespace leadline::net {

namespace asio = boost::asio;
using boost::system::error_code;

using Executor = asio::io_context::executor_type;
template <typename T>
using Task = asio::awaitable<T, Executor>;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
using Resolver = asio::ip::basic_resolver<asio::ip::tcp, Executor>;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, Executor>;

// `auto [error, size] = co_await socket.async_read_some(buffer, kAwait)`: errors are values.
inline constexpr asio::as_tuple_t<asio::use_awaitable_t<Executor>> kAwait{};

}  // namespace leadline::net

namespace leadline {

struct EventLoop::Impl {
  net::asio::io_context context{1};  // a hint: one thread runs it
  net::asio::signal_set signals{context};
  std::function<void()> on_stop_signal;
  TimerId last_timer = 0;
  std::unordered_map<TimerId, std::unique_ptr<net::Timer>> timers;  // bounded by its users

  net::Executor executor() { return context.get_executor(); }
  void wait_for_signal();
};

namespace net {

// Starts a coroutine that ends by itself. An exception out of it reaches EventLoop::run, which ends
// the process; asio::detached would swallow it.
template <typename MakeTask>
void start(EventLoop::Impl& loop, MakeTask&& make_task) {
  asio::co_spawn(loop.context, std::forward<MakeTask>(make_task),
                 [](const std::exception_ptr& problem) {
                   if (problem) std::rethrow_exception(problem);
                 });
}

}  // namespace net

}  // namespace leadline
