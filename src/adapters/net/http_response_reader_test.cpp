#include "adapters/net/http_response_reader.h"

#include <gtest/gtest.h>

namespace muster::adapters {
namespace {

constexpr HttpResponseReader::Wanted kPlain{.max_body = 100};

// Everything at once, and byte by byte: both must read the same.
struct Read {
    bool is_done = false;
    bool keeps_alive = false;
    int status = 0;
    std::string body;
};
Result<Read> read(const std::string& bytes, HttpResponseReader::Wanted wanted = kPlain,
                  bool has_ended = false) {
    Result<Read> results[2];
    for (const std::size_t size : {bytes.size(), std::size_t{1}}) {
        HttpResponseReader reader(wanted);
        auto& result = results[size == 1 ? 1 : 0];
        Result<> taken;
        for (std::size_t at = 0; taken && !reader.is_done() && at < bytes.size(); at += size) {
            taken = reader.take(std::string_view(bytes).substr(at, size));
        }
        if (taken && has_ended) {
            taken = reader.finish();
        }
        if (!taken) {
            result = taken.error();
            continue;
        }
        result = Read{reader.is_done(), reader.keeps_alive(), reader.status(), reader.take_body()};
    }
    EXPECT_EQ(results[0].has_value(), results[1].has_value()) << bytes;
    if (results[0] && results[1]) {
        EXPECT_EQ(results[0]->is_done, results[1]->is_done) << bytes;
        EXPECT_EQ(results[0]->status, results[1]->status) << bytes;
        EXPECT_EQ(results[0]->body, results[1]->body) << bytes;
    }
    return results[0];
}

TEST(HttpResponseReader, ReadsABodyByLengthAndKeepsTheConnection) {
    const auto answer = read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello");
    ASSERT_TRUE(answer && answer->is_done);
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, "hello");
    EXPECT_TRUE(answer->keeps_alive);
}

TEST(HttpResponseReader, ReadsChunksWithTheirExtensionsAndTrailers) {
    const auto answer = read(
        "HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n2\r\nde\r\n0\r\n"
        "T: u\r\n\r\n");
    ASSERT_TRUE(answer && answer->is_done);
    EXPECT_EQ(answer->status, 503);
    EXPECT_EQ(answer->body, "abcde");
}

TEST(HttpResponseReader, AnEmptyChunkedBodyMayComeInPieces) {
    const auto answer = read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    ASSERT_TRUE(answer && answer->is_done);
    EXPECT_EQ(answer->body, "");
}

TEST(HttpResponseReader, ABodyWithoutLengthEndsWithTheConnection) {
    const std::string bytes = "HTTP/1.0 200 OK\r\n\r\nhel";
    EXPECT_FALSE(read(bytes)->is_done);
    const auto answer = read(bytes, kPlain, true);
    ASSERT_TRUE(answer && answer->is_done);
    EXPECT_EQ(answer->body, "hel");
    EXPECT_FALSE(answer->keeps_alive);
}

TEST(HttpResponseReader, TheAnswerToHeadAndAnswersWithoutBodyEndWithTheirHeaders) {
    const auto head =
        read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", {.is_head = true, .max_body = 100});
    EXPECT_TRUE(head && head->is_done);
    EXPECT_TRUE(read("HTTP/1.1 204 No Content\r\n\r\n")->is_done);
    EXPECT_TRUE(read("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n")->is_done);
}

TEST(HttpResponseReader, PassesOverInterimAnswers) {
    const auto answer = read(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    ASSERT_TRUE(answer && answer->is_done);
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, "ok");
}

TEST(HttpResponseReader, IsDoneWhenTheLimitOfTheBodyHasCome) {
    HttpResponseReader reader({.max_body = 4});
    ASSERT_TRUE(reader.take("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhello"));
    EXPECT_TRUE(reader.is_done());
    EXPECT_FALSE(reader.keeps_alive());
    EXPECT_EQ(reader.take_body(), "hell");
}

TEST(HttpResponseReader, ForgetsABodyThatNobodyWants) {
    const auto answer = read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                             {.keeps_body = false, .max_body = 100});
    ASSERT_TRUE(answer && answer->is_done);
    EXPECT_EQ(answer->body, "");
}

TEST(HttpResponseReader, AnAnswerThatIsNotWholeIsAReset) {
    for (const auto* bytes :
         {"", "HTTP/1.1 20", "HTTP/1.1 200 OK\r\nContent-Le",
          "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"}) {
        const auto answer = read(bytes, kPlain, true);
        ASSERT_FALSE(answer) << bytes;
        EXPECT_EQ(answer.error().code(), Errc::kUnavailable) << bytes;
    }
}

TEST(HttpResponseReader, WhatIsNotHttpIsCorrupt) {
    for (const auto* bytes :
         {"220 mail ready\r\n\r\n", "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n",
          "HTTP/1.1 200 OK\r\nA b: c\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzzzz\r\n"}) {
        const auto answer = read(bytes);
        ASSERT_FALSE(answer) << bytes;
        EXPECT_EQ(answer.error().code(), Errc::kCorrupt) << bytes;
    }
}

TEST(HttpResponseReader, HeadersAndChunkHeadersHaveALimit) {
    HttpResponseReader headers(kPlain);
    Result<> taken = headers.take("HTTP/1.1 200 OK\r\n");
    for (int line = 0; taken && line < 100; ++line) {
        taken = headers.take("X: " + std::string(1000, 'x') + "\r\n");
    }
    EXPECT_EQ(taken.error().code(), Errc::kCorrupt);

    HttpResponseReader chunk(kPlain);
    taken = chunk.take("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;");
    for (int piece = 0; taken && piece < 100; ++piece) {
        taken = chunk.take(std::string(1000, 'x'));
    }
    EXPECT_EQ(taken.error().code(), Errc::kCorrupt);
}

TEST(HttpResponseReader, AConnectionWithMoreThanTheAnswerIsNotKept) {
    HttpResponseReader reader(kPlain);
    ASSERT_TRUE(reader.take("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200"));
    EXPECT_TRUE(reader.is_done());
    EXPECT_FALSE(reader.keeps_alive());
}

}  // namespace
}  // namespace muster::adapters
