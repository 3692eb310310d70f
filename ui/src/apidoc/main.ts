// The API reference's entry.
import { createApp } from 'vue'

import { startLanguage } from '../i18n'
import '../styles/tokens.css'
import '../styles/base.css'
import ApiPage from './ApiPage.vue'

await startLanguage()
createApp(ApiPage).mount('#app')
