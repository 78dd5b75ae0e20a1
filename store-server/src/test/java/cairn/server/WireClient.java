package cairn.server;

import static java.nio.charset.StandardCharsets.UTF_8;

import cairn.sigv4.PayloadHash;
import cairn.sigv4.SigV4Signer;
import cairn.sigv4.SignableRequest;
import cairn.sigv4.SignableRequest.Header;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.w3c.dom.Document;
import org.xml.sax.SAXException;

/**
 * Somebody who writes requests to AWS's APIs by hand: signed as they ought to be, and otherwise with whatever a test
 * wants to send, which no SDK might.
 *
 * @param clock tells when requests are signed
 */
record WireClient(AwsUser user, Clock clock) {
    private static final HttpClient HTTP =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private static final Duration TIMEOUT = Duration.ofSeconds(30);
    private static final String EC2 = "ec2";
    private static final String EBS = "ebs";
    private static final String FORM = "application/x-www-form-urlencoded; charset=utf-8";

    WireClient(AwsUser user) {
        this(user, Clock.systemUTC());
    }

    /**
     * How a door has refused something.
     *
     * @param reason as EBS direct has it; empty where there is none
     */
    record Refusal(int status, String code, String reason, String message) {}

    /** What came back; a body is text here. */
    record Reply(int status, Map<String, List<String>> headers, String body) {
        /** The error that EC2 has told. */
        Refusal ec2Refusal() {
            Document answer = xml();
            return new Refusal(status, text(answer, "Code"), "", text(answer, "Message"));
        }

        private Document xml() {
            try {
                return DocumentBuilderFactory.newDefaultInstance()
                        .newDocumentBuilder()
                        .parse(new ByteArrayInputStream(body.getBytes(UTF_8)));
            } catch (ParserConfigurationException | SAXException | IOException e) {
                throw new AssertionError("no XML: " + body, e);
            }
        }

        private String text(Document answer, String name) {
            if (answer.getElementsByTagName(name).getLength() != 1) {
                throw new AssertionError("an error has one " + name + ": " + status + ' ' + body);
            }
            return answer.getElementsByTagName(name).item(0).getTextContent();
        }

        /** The error that EBS direct has told. */
        Refusal ebsRefusal() {
            try {
                JsonNode told = new ObjectMapper().readTree(body);
                return new Refusal(
                        status,
                        headers.getOrDefault("x-amzn-errortype", List.of("")).get(0),
                        told.path("Reason").asText(),
                        told.path("Message").asText());
            } catch (IOException e) {
                throw new AssertionError("no JSON: " + body, e);
            }
        }
    }

    /** Asks EC2. @param parameters as in a form, version and all else that is always the same left out */
    Reply ec2(String parameters) throws IOException, InterruptedException {
        return ec2Form(parameters + "&Version=2016-11-15");
    }

    /** Sends EC2 a form as it is. */
    Reply ec2Form(String form) throws IOException, InterruptedException {
        return send(EC2, "POST", "/", Map.of("content-type", FORM), form.getBytes(UTF_8));
    }

    /** Asks EBS direct. @param target path and query */
    Reply ebs(String method, String target, Map<String, String> headers, byte[] body)
            throws IOException, InterruptedException {
        return send(EBS, method, target, headers, body);
    }

    private Reply send(String service, String method, String target, Map<String, String> headers, byte[] body)
            throws IOException, InterruptedException {
        URI uri = URI.create(user.endpoint() + target);
        List<Header> signable = new ArrayList<>(List.of(new Header("host", uri.getAuthority())));
        headers.forEach((name, value) -> signable.add(new Header(name, value)));
        List<Header> signature = new SigV4Signer(user.credentials(), user.region().name(), service, clock)
                .sign(new SignableRequest(
                        method, uri.getRawPath(), uri.getRawQuery(), signable, PayloadHash.of(body)));
        Map<String, String> all = new TreeMap<>(headers);
        signature.forEach(header -> all.put(header.name(), header.value()));
        return sendUnsigned(method, target, all, body);
    }

    /** Sends a request with these headers alone. */
    Reply sendUnsigned(String method, String target, Map<String, String> headers, byte[] body)
            throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(user.endpoint() + target))
                .timeout(TIMEOUT)
                .method(method, BodyPublishers.ofByteArray(body));
        headers.forEach(request::header);
        HttpResponse<byte[]> response = HTTP.send(request.build(), BodyHandlers.ofByteArray());
        return new Reply(response.statusCode(), response.headers().map(), new String(response.body(), UTF_8));
    }
}
