import Link from 'next/link'

export default function NotFound() {
  return (
    <section>
      <h1>Not found</h1>
      <p>
        There is no such page, or it is not yours. <Link href="/">Go to your reports</Link>
      </p>
    </section>
  )
}
