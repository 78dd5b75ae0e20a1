package cairn.server.ec2;

import cairn.server.ec2.Shape.Member;
import cairn.server.ec2.Shape.Plain;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import javax.xml.stream.XMLOutputFactory;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamWriter;

/** Writes answers and failures as EC2's XML. */
final class AnswerWriter {
    private static final String NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/";
    private static final DateTimeFormatter TIME =
            DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSS'Z'").withZone(ZoneOffset.UTC);

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final XMLStreamWriter xml;

    private AnswerWriter() throws XMLStreamException {
        xml = XMLOutputFactory.newDefaultFactory().createXMLStreamWriter(bytes, StandardCharsets.UTF_8.name());
        xml.writeStartDocument(StandardCharsets.UTF_8.name(), "1.0");
    }

    /** @throws IllegalStateException for an answer that is not as described */
    static byte[] answer(OperationDescription operation, String requestId, Answer answer) {
        try {
            AnswerWriter writer = new AnswerWriter();
            writer.xml.writeStartElement(operation.name() + "Response");
            writer.xml.writeDefaultNamespace(NAMESPACE);
            writer.text("requestId", requestId);
            if (operation.answer().members().isEmpty()) {
                writer.text("return", "true");
            }
            writer.members(operation.answer(), answer);
            return writer.finished();
        } catch (XMLStreamException e) {
            throw new IllegalStateException("the answer of " + operation.name() + " cannot be written", e);
        }
    }

    static byte[] failure(Ec2Failure failure, String requestId) {
        try {
            AnswerWriter writer = new AnswerWriter();
            writer.xml.writeStartElement("Response");
            writer.xml.writeStartElement("Errors");
            writer.xml.writeStartElement("Error");
            writer.text("Code", failure.code());
            writer.text("Message", String.valueOf(failure.getMessage()));
            writer.xml.writeEndElement();
            writer.xml.writeEndElement();
            writer.text("RequestID", requestId);
            return writer.finished();
        } catch (XMLStreamException e) {
            throw new IllegalStateException("failure " + failure.code() + " cannot be written", e);
        }
    }

    private byte[] finished() throws XMLStreamException {
        xml.writeEndDocument();
        xml.close();
        return bytes.toByteArray();
    }

    private void members(Shape shape, Answer answer) throws XMLStreamException {
        int written = 0;
        for (Member member : shape.members()) {
            Object value = answer.members().get(member.name());
            if (value != null) {
                member(shape, member, value);
                written++;
            }
        }
        if (written < answer.members().size()) {
            throw new IllegalStateException(
                    "answer " + shape.name() + " has members that are not described: " + answer.members().keySet());
        }
    }

    private void member(Shape shape, Member member, Object value) throws XMLStreamException {
        if (!member.isList()) {
            element(shape, member, member.name(), value);
            return;
        }
        if (!(value instanceof List<?> list)) {
            throw odd(shape, member, value);
        }
        xml.writeStartElement(member.name());
        for (Object item : list) {
            element(shape, member, "item", item);
        }
        xml.writeEndElement();
    }

    private void element(Shape shape, Member member, String name, Object value) throws XMLStreamException {
        if (member.shape().isPresent()) {
            if (!(value instanceof Answer answer)) {
                throw odd(shape, member, value);
            }
            xml.writeStartElement(name);
            members(member.shape().get(), answer);
            xml.writeEndElement();
            return;
        }
        text(name, text(shape, member, member.plain().orElseThrow(), value));
    }

    private static String text(Shape shape, Member member, Plain plain, Object value) {
        boolean isFitting = switch (plain) {
            case STRING -> value instanceof String;
            case INTEGER -> value instanceof Number;
            case BOOLEAN -> value instanceof Boolean;
            case TIME -> value instanceof Instant;
        };
        if (!isFitting) {
            throw odd(shape, member, value);
        }
        return value instanceof Instant instant ? time(instant) : value.toString();
    }

    /** A moment as answers show it, to the millisecond. */
    static String time(Instant instant) {
        return TIME.format(instant);
    }

    private static IllegalStateException odd(Shape shape, Member member, Object value) {
        return new IllegalStateException(
                "member " + member.name() + " of " + shape.name() + " cannot be a " + value.getClass().getSimpleName());
    }

    private void text(String name, String text) throws XMLStreamException {
        xml.writeStartElement(name);
        String[] lines = XmlText.of(text).split("\r", -1);
        for (int i = 0; i < lines.length; i++) {
            if (i > 0) {
                // Left as it is, a reader would take it for a line feed.
                xml.writeEntityRef("#13");
            }
            xml.writeCharacters(lines[i]);
        }
        xml.writeEndElement();
    }
}
