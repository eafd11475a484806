import ReactMarkdown from "react-markdown";
import remarkGfm from "remark-gfm";

/**
 * Markdown as elements, never as HTML: markup in the text stays text, and addresses
 * other than http, https and mailto are dropped. Pictures are shown as links, so that
 * reading an item tells no third party about it.
 */
export default function Markdown({ text }: { readonly text: string }) {
  return (
    <div className="markdown">
      <ReactMarkdown
        remarkPlugins={[remarkGfm]}
        components={{
          a: ({ href, children }) => (
            <a href={href} target="_blank" rel="noopener noreferrer nofollow">
              {children}
            </a>
          ),
          img: ({ src, alt }) => (
            <a href={String(src ?? "")} target="_blank" rel="noopener noreferrer nofollow">
              {alt || String(src ?? "")}
            </a>
          ),
          // An item's headings are below the dialog's own.
          h1: "h3",
          h2: "h4",
          h3: "h5",
          table: ({ children }) => (
            <div className="markdown__table">
              <table>{children}</table>
            </div>
          ),
        }}
      >
        {text}
      </ReactMarkdown>
    </div>
  );
}
