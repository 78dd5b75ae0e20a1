package cairn.server.ec2;

import static org.junit.jupiter.api.Assertions.assertEquals;

import cairn.Digest;
import cairn.server.AwsUser;
import cairn.sigv4.SigV4Signer;
import cairn.sigv4.SignableRequest;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.w3c.dom.Document;
import org.w3c.dom.NodeList;
import org.xml.sax.SAXException;

/** Sends EC2 whatever it is told to, well signed, as no SDK would. */
final class QueryUser {
    static final String FORM = "application/x-www-form-urlencoded; charset=utf-8";

    private final HttpClient http = HttpClient.newHttpClient();
    private final AwsUser user;
    private final SigV4Signer signer;

    QueryUser(AwsUser user) {
        this(user, "ec2", Clock.systemUTC());
    }

    /** @param clock by which it signs */
    QueryUser(AwsUser user, String service, Clock clock) {
        this.user = user;
        this.signer = new SigV4Signer(user.credentials(), user.region().name(), service, clock);
    }

    /** An answer that is well-formed XML. */
    record Reply(int status, String requestId, Document xml) {
        String root() {
            return xml.getDocumentElement().getLocalName();
        }

        String text(String element) {
            NodeList found = xml.getElementsByTagNameNS("*", element);
            return found.getLength() == 0 ? "" : found.item(0).getTextContent();
        }

        /** Holds the form of a failure, and its status. */
        void assertFailed(String code, int expectedStatus, String why) {
            assertEquals(code, text("Code"), () -> why + ": " + text("Message"));
            assertEquals(expectedStatus, status, why);
            assertEquals("Response", root(), why);
            assertEquals(requestId, text("RequestID"), why);
        }
    }

    Reply post(String form) throws Exception {
        return send("POST", "", form.getBytes(StandardCharsets.UTF_8), FORM);
    }

    Reply get(String query) throws Exception {
        return send("GET", query, new byte[0], "");
    }

    /** @param contentType empty: none */
    Reply send(String method, String query, byte[] body, String contentType) throws Exception {
        List<SignableRequest.Header> headers = new ArrayList<>();
        headers.add(new SignableRequest.Header("host", user.endpoint().getAuthority()));
        if (!contentType.isEmpty()) {
            headers.add(new SignableRequest.Header("content-type", contentType));
        }
        headers.addAll(signer.sign(
                new SignableRequest(method, "/", query, List.copyOf(headers), Digest.of(body).toString())));
        return sendAsItIs(method, query, body, headers);
    }

    /** @param headers all of them, its signature's too */
    Reply sendAsItIs(String method, String query, byte[] body, List<SignableRequest.Header> headers) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(
                        user.endpoint() + "/" + (query.isEmpty() ? "" : '?' + query)))
                .method(method, body.length == 0 ? BodyPublishers.noBody() : BodyPublishers.ofByteArray(body));
        headers.stream()
                .filter(header -> !header.name().equals("host"))
                .forEach(header -> request.header(header.name(), header.value()));
        HttpResponse<byte[]> answer = http.send(request.build(), BodyHandlers.ofByteArray());
        return new Reply(
                answer.statusCode(),
                answer.headers().firstValue("x-amzn-RequestId").orElse(""),
                parsed(answer.body()));
    }

    private static Document parsed(byte[] body) throws ParserConfigurationException, SAXException, IOException {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        return factory.newDocumentBuilder().parse(new ByteArrayInputStream(body));
    }
}
