package cairn.sigv4;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import cairn.sigv4.SignableRequest.Header;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * A request that tries one rule of the canonical form, under the name that AWS's published suites give it. Path, query
 * and values are text; on the wire they are UTF-8.
 */
record SigningCase(String name, String method, String path, String query, List<Header> headers, String body) {
    static final Credentials KEY = new Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    static final String REGION = "us-east-1";
    static final String HOST = "example.amazonaws.com";
    static final Instant SIGNED_AT = Instant.parse("2015-08-30T12:36:00Z");
    static final Clock CLOCK = Clock.fixed(SIGNED_AT, ZoneOffset.UTC);

    static final String FORM = "application/x-www-form-urlencoded";
    private static final String UNRESERVED = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    /** Those of the published suite whose paths are normalised. */
    static Stream<SigningCase> published() {
        return Stream.of(
                get("get-header-key-duplicate", "/", "", "My-Header1:value2", "My-Header1:value2", "My-Header1:value1"),
                get("get-header-value-multiline", "/", "", "My-Header1:value1\n  value2\n     value3"),
                get("get-header-value-order", "/", "",
                        "My-Header1:value4", "My-Header1:value1", "My-Header1:value3", "My-Header1:value2"),
                get("get-header-value-trim", "/", "", "My-Header1: value1", "My-Header2: \"a   b   c\""),
                get("get-relative-normalized", "/example/..", ""),
                get("get-relative-relative-normalized", "/example1/example2/../..", ""),
                get("get-slash-dot-slash-normalized", "/./", ""),
                get("get-slash-normalized", "//", ""),
                get("get-slash-pointless-dot-normalized", "/./example", ""),
                get("get-slashes-normalized", "//example//", ""),
                get("get-space-normalized", "/example space/", ""),
                get("get-unreserved", "/" + UNRESERVED, ""),
                get("get-utf8", "/\u1234", ""),
                get("get-vanilla-empty-query-key", "/", "Param1=value1"),
                get("get-vanilla-query-order-encoded", "/", "Param-3=Value3&Param=Value2&%E1%88%B4=Value1"),
                get("get-vanilla-query-order-key-case", "/", "Param2=value2&Param1=value1"),
                get("get-vanilla-query-unreserved", "/", UNRESERVED + "=" + UNRESERVED),
                get("get-vanilla-query", "/", ""),
                get("get-vanilla-utf8-query", "/", "\u1234=bar"),
                get("get-vanilla", "/", ""),
                post("post-header-key-case", "", ""),
                post("post-header-key-sort", "", "", "My-Header1:value1"),
                post("post-header-value-case", "", "", "My-Header1:VALUE1"),
                post("post-vanilla-empty-query-value", "Param1=value1", ""),
                post("post-vanilla-query", "Param1=value1", ""),
                post("post-vanilla", "", ""),
                post("post-x-www-form-urlencoded-parameters", "", "Param1=value1",
                        "Content-Type:" + FORM + "; charset=utf-8", "Content-Length:13"),
                post("post-x-www-form-urlencoded", "", "Param1=value1",
                        "Content-Type:" + FORM, "Content-Length:13"));
    }

    /** What the suite leaves out, and clients do. */
    static Stream<SigningCase> more() {
        return Stream.of(
                get("escapes in the path are encoded twice", "/a%20b/%25c/d%2Fe/%E1%88%B4", ""),
                get("reserved characters in the path", "/a:b@c!$&'()*+,;=d", ""),
                get("an empty path", "", ""),
                get("a dot at the end", "/a/b/.", ""),
                get("two dots at the end", "/a/b/..", ""),
                get("a slash after two dots", "/a/b/../", ""),
                get("a segment of three dots", "/a/.../.b", ""),
                get("repeated parameters are sorted by value", "/", "b=2&b=10&b=1&a=z&b="),
                get("parameters without values", "/", "flag&empty=&Other"),
                get("spaces and plus signs in the query", "/", "a%20b=c%20d&e=%2B&f=a/b:c"),
                get("EBS lists blocks", "/snapshots/snap-0123456789abcdef0/blocks",
                        "maxResults=100&pageToken=AAAB%2F%3D%3D"),
                get("white space around and inside", "/", "",
                        "X-Amz-Note: \t a \t b  ", "X-Amz-Empty:", "X-Amz-Blank:  "),
                get("headers that change on the way", "/", "", "User-Agent:test", "Expect:100-continue",
                        "X-Amzn-Trace-Id:1-2-3"),
                post("EC2 asks in a form", "", "Action=DescribeImages&Version=2016-11-15&Owner.1=self",
                        "Content-Type:" + FORM + "; charset=utf-8", "Content-Length:59"));
    }

    static Stream<SigningCase> all() {
        return Stream.concat(published(), more());
    }

    private static SigningCase get(String name, String path, String query, String... headers) {
        return new SigningCase(name, "GET", path, query, headers(headers), "");
    }

    private static SigningCase post(String name, String query, String body, String... headers) {
        return new SigningCase(name, "POST", "/", query, headers(headers), body);
    }

    private static List<Header> headers(String... lines) {
        List<Header> headers = new ArrayList<>();
        headers.add(new Header("Host", HOST));
        for (String line : lines) {
            int colonAt = line.indexOf(':');
            headers.add(new Header(line.substring(0, colonAt), line.substring(colonAt + 1)));
        }
        return headers;
    }

    /** As a client sends it that escapes nothing. */
    SignableRequest raw() {
        return new SignableRequest(method, wire(path), wire(query), headers, payloadHash());
    }

    /** As a client sends it that escapes what a URI may not hold. */
    SignableRequest escaped() {
        return new SignableRequest(method, escape(wire(path)), escape(wire(query)), headers, payloadHash());
    }

    String payloadHash() {
        return PayloadHash.of(body.getBytes(UTF_8));
    }

    private static String wire(String text) {
        return new String(text.getBytes(UTF_8), ISO_8859_1);
    }

    private static String escape(String wire) {
        return wire.chars()
                .mapToObj(c -> c > ' ' && c < 0x7f ? String.valueOf((char) c) : String.format("%%%02X", c))
                .reduce("", String::concat);
    }

    static SignableRequest with(SignableRequest request, List<Header> added) {
        return withHeaders(request, Stream.concat(request.headers().stream(), added.stream()).toList());
    }

    static SignableRequest withHeaders(SignableRequest request, List<Header> headers) {
        return new SignableRequest(request.method(), request.path(), request.query(), headers, request.payloadHash());
    }

    static SignableRequest withQuery(SignableRequest request, String query) {
        return new SignableRequest(request.method(), request.path(), query, request.headers(), request.payloadHash());
    }

    static SignableRequest withPayloadHash(SignableRequest request, String payloadHash) {
        return new SignableRequest(request.method(), request.path(), request.query(), request.headers(), payloadHash);
    }

    static SigV4Verifier verifier(String... services) {
        return verifier(CLOCK, services);
    }

    static SigV4Verifier verifier(Clock clock, String... services) {
        return new SigV4Verifier(
                id -> Stream.of(KEY).filter(key -> key.accessKeyId().equals(id)).findFirst(),
                clock,
                Set.of(services));
    }

    @Override
    public String toString() {
        return name;
    }
}
