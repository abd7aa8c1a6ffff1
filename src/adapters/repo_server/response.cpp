#include "adapters/repo_server/response.h"

#include <array>
#include <cstdio>

namespace muster::adapters::repo_server {

namespace {

// RFC 9110 section 15, and 11.5 of RFC 4918 for 507: only what this server answers.
std::string_view reason(int status) {
    switch (status) {
        case 200:
            return "OK";
        case 206:
            return "Partial Content";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 408:
            return "Request Timeout";
        case 413:
            return "Content Too Large";
        case 416:
            return "Range Not Satisfiable";
        case 507:
            return "Insufficient Storage";
        default:
            return "Internal Server Error";
    }
}

std::string length_line(std::uint64_t length) {
    return "Content-Length: " + std::to_string(length) + "\r\n";
}

}  // namespace

Result<> ResponseWriter::write(std::string_view text) {
    return connection_.write_all(text, Pace(clock_, pace_));
}

std::string ResponseWriter::head_text(const ResponseHead& head, std::string_view framing) {
    status_ = head.status;
    std::string text = "HTTP/1.1 " + std::to_string(head.status) + " ";
    text += reason(head.status);
    text += "\r\nServer: muster\r\nContent-Type: " + head.content_type + "\r\n";
    for (const auto& [name, value] : head.headers) {
        text.append(name).append(": ").append(value).append("\r\n");
    }
    text += framing;
    text += form_.keeps_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
    return text;
}

Result<> ResponseWriter::send(const ResponseHead& head, std::string_view body) {
    const std::string text = head_text(head, length_line(body.size()));
    return write(form_.is_head ? text : text + std::string(body));
}

Result<> ResponseWriter::send_status(int status) {
    ResponseHead head;
    head.status = status;
    if (status == 401) {
        head.headers.emplace_back("WWW-Authenticate", "Basic realm=\"muster\", charset=\"UTF-8\"");
    }
    return send(head, status == 200 ? "" : std::string(reason(status)) + "\n");
}

Result<> ResponseWriter::send_length(const ResponseHead& head, std::uint64_t length) {
    return write(head_text(head, length_line(length)));
}

Result<> ResponseWriter::send_file(const ResponseHead& head, FilePart part) {
    TRY_OK(write(head_text(head, length_line(part.size))));
    return connection_.write_whole_file(part, Pace(clock_, pace_));
}

Result<> ResponseWriter::begin(const ResponseHead& head) {
    if (form_.is_http_10) {
        close_after();
    }
    return write(head_text(head, form_.is_http_10 ? "" : "Transfer-Encoding: chunked\r\n"));
}

Result<> ResponseWriter::piece(std::string_view text) {
    if (text.empty() || form_.is_http_10) {
        return write(text);
    }
    std::array<char, 24> size{};
    std::snprintf(size.data(), size.size(), "%zx\r\n", text.size());
    return write(std::string(size.data()) + std::string(text) + "\r\n");
}

Result<> ResponseWriter::end() {
    return form_.is_http_10 ? Result<>() : write("0\r\n\r\n");
}

}  // namespace muster::adapters::repo_server
